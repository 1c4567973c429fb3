"""What operators and their machines ask of a gateway: health, metrics, inspection.

The operations port is the edge over again, with another door: one `GatewayApp`, as strict as
the agents' port, behind which plain functions answer instead of the corridor.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

import msgspec

from caracal_core.domain import Headers, Reply, Request
from caracal_core.edge.admission import OperatorCheck
from caracal_core.edge.limits import Limits
from caracal_core.errors import Answered, Failure, MethodNotAllowed, NoRoute
from caracal_core.ports import Deliver, Endpoint

ENDPOINT_SECONDS = 5.0
"""How long a plugin's endpoint may take."""

METHODS = ("GET", "HEAD")
GUARDED = "/-/"
METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"

LIMITS = Limits(max_request_bytes=0, connections=1_000)
"""The bounds on one operator; no request has a body here."""

_log = logging.getLogger("caracal.operations")

Page = Callable[[], Awaitable[Reply]]


class Finding(Protocol):
    """What one health check said."""

    @property
    def name(self) -> str:
        """The check's name."""

    @property
    def fault(self) -> str | None:
        """What is wrong, or None."""


class Backstage(Protocol):
    """What the operations port can see of the house."""

    @property
    def accepting(self) -> bool:
        """False once the gateway drains: it is not ready then, whatever its checks say."""

    async def findings(self) -> Sequence[Finding]:
        """Return what each health check says, as of now or shortly before."""

    def metrics(self) -> bytes:
        """Return all metrics in Prometheus' text format 0.0.4."""

    def plugins(self) -> object:
        """Return the enabled plugins, as ``caracal plugins --json`` prints them."""

    def configuration(self) -> object:
        """Return what is in effect and what waits, with origins and digest, secrets masked."""

    def endpoints(self) -> Mapping[str, Endpoint]:
        """Return the plugins' endpoints by ``<plugin>/<path>``, or ``<plugin>``; core's by path."""


class Operations:
    """The door of the operations port.

    Args:
        backstage: the house, as operators see it.
        token_file: holds the bearer token that opens ``/-/`` to callers who are not local;
            None keeps it closed to them.
        limits: the bounds on one client.

    Attributes:
        accepting: True to the very end, so that probes hear of the draining.
    """

    accepting = True

    def __init__(
        self, backstage: Backstage, token_file: Path | None = None, limits: Limits = LIMITS
    ) -> None:
        self.limits = limits
        self._backstage = backstage
        self._operator = OperatorCheck(token_file)
        self._pages: Mapping[str, Page] = {
            "/health": self._readiness,
            "/health/live": self._liveness,
            "/health/ready": self._readiness,
            "/metrics": self._metrics,
            "/-/config": self._configuration,
            "/-/plugins": self._plugins,
        }

    @property
    def ready(self) -> bool:
        """Not asked: ``/health`` is a page of this port's own."""
        return self.accepting

    async def exchange(self, request: Request, deliver: Deliver) -> None:
        """Answer one request.

        Raises:
            NoRoute: there is no such page.
            MethodNotAllowed: the page can only be read.
            Unauthenticated: the page is for operators, and the caller did not prove to be one.
            Denied: the page is for local operators, since no token is configured.
            Failure: a plugin's endpoint broke.
        """
        if request.path.startswith(GUARDED):
            self._admit(request)
        page = self._pages.get(request.path) or self._endpoint(request.path)
        if page is None:
            raise NoRoute("There is no such page.")
        if request.method not in METHODS:
            raise MethodNotAllowed(METHODS)
        await deliver(await page(), _nothing_to_settle)

    def _admit(self, request: Request) -> None:
        try:
            self._operator.admit(request)
        except Answered as error:
            self.refused(request.id, request.connection.peer, error)
            raise

    def refused(self, id: str, peer: str, error: Answered) -> None:
        _log.info("request %s of %s was refused: %s", id, peer, error.reason)

    async def _liveness(self) -> Reply:
        """The loop turns, or nobody would read this; nothing else is asked."""
        return _json({"live": True})

    async def _readiness(self) -> Reply:
        findings = await self._backstage.findings()
        checks = [{"name": each.name, "fault": each.fault} for each in findings]
        accepting = self._backstage.accepting
        if not accepting:
            checks.append({"name": "gateway", "fault": "is stopping"})
        ready = not any(check["fault"] for check in checks)
        return _json({"ready": ready, "checks": checks}, 200 if ready else 503)

    async def _metrics(self) -> Reply:
        return _reply(self._backstage.metrics(), METRICS_TYPE)

    async def _plugins(self) -> Reply:
        return _json(self._backstage.plugins())

    async def _configuration(self) -> Reply:
        return _json(self._backstage.configuration())

    def _endpoint(self, path: str) -> Page | None:
        """Return a plugin's page, if it is one."""
        if not path.startswith(GUARDED):
            return None
        name = path.removeprefix(GUARDED)
        endpoint = self._backstage.endpoints().get(name)
        return (lambda: _ask(name, endpoint)) if endpoint is not None else None


async def _ask(name: str, endpoint: Endpoint) -> Reply:
    """Ask a plugin's endpoint; whatever it does, an answer comes."""
    try:
        async with asyncio.timeout(ENDPOINT_SECONDS):
            return _json(await endpoint.answer())
    except Answered:
        raise
    except BaseException as error:
        task = asyncio.current_task()
        if task is None or task.cancelling():
            raise  # the caller hung up
        _log.error("endpoint %s raised %s", name, type(error).__name__)
        raise Failure(f"{name} endpoint", f"raised {type(error).__name__}") from error


def _json(document: object, status: int = 200) -> Reply:
    return _reply(msgspec.json.encode(document), "application/json", status)


def _reply(data: bytes, content_type: str, status: int = 200) -> Reply:
    headers = Headers(
        [
            ("content-type", content_type),
            ("cache-control", "no-store"),
            ("x-content-type-options", "nosniff"),
        ]
    )
    return Reply(status, headers, _once(data), len(data))


async def _once(data: bytes) -> AsyncIterator[bytes]:
    yield data


async def _nothing_to_settle() -> None:
    pass
