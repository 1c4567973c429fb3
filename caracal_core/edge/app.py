"""The Sanic application of the gateway: no router, no middleware, no signals on the path."""

from __future__ import annotations

import asyncio
import traceback
from types import SimpleNamespace

from sanic import Sanic
from sanic.config import Config

from caracal_core.domain import Request
from caracal_core.edge.answer import Answer
from caracal_core.edge.door import Door
from caracal_core.edge.inbound import new_id
from caracal_core.edge.line import Line
from caracal_core.errors import Answered, Failure, MethodNotAllowed

HEALTH_PATH = "/health"
"""The one path that no route can have."""


class GatewayApp(Sanic[Config, SimpleNamespace]):
    """Leads every request through the door; serve it with `EdgeProtocol`.

    Args:
        name: the application's name, unique in its process.
        door: what is behind the edge.
        health_path: where anybody may ask for the bare readiness; None leaves every path to
            the door.
    """

    __slots__ = ("_health_path", "door")

    def __init__(self, name: str, door: Door, health_path: str | None = HEALTH_PATH) -> None:
        settings: dict[str, str | bool | int | float | None] = {
            "ACCESS_LOG": False,
            "AUTO_EXTEND": False,  # an installed sanic-ext would publish pages of its own
            "MOTD": False,
            "TOUCHUP": False,  # rewrites Sanic's own handling, which is not on the path
        }
        config = Config(settings, env_prefix="")
        super().__init__(name, config=config, configure_logging=False)
        self.door = door
        self._health_path = health_path

    def finalize(self) -> None:
        """Do nothing: Sanic would prepare its router, and refuse to start without a route."""

    async def handle_request(  # type: ignore[override]  # EdgeProtocol makes no Sanic request
        self, request: Request, answer: Answer
    ) -> None:
        """Answer one request, whatever happens.

        Raises:
            CancelledError: the client hung up.
        """
        try:
            if request.path == self._health_path:
                await self._report_health(request, answer)
            else:
                await self.door.exchange(request, answer.deliver)
        except asyncio.CancelledError:
            if is_cancelled():
                raise
            await answer.fail(Failure("gateway", "the exchange cancelled itself"))
        except Answered as error:
            await answer.refuse(error)
        except GeneratorExit:
            raise
        except BaseException as error:  # noqa: BLE001 - SystemExit too would end the whole process
            await answer.fail(Failure("gateway", _name(error)))
        if not answer.begun:
            await answer.fail(Failure("gateway", "the exchange ended without an answer"))

    async def turn_away(self, line: Line, peer: str, error: Answered) -> None:
        """Answer what could not be read as a request; nothing after it may be read."""
        name = new_id()
        try:
            self.door.refused(name, peer, error)
        finally:
            await Answer(line, name).refuse(error)

    async def _report_health(self, request: Request, answer: Answer) -> None:
        """Say whether requests can be served, and nothing else, for anybody may ask."""
        if request.method not in ("GET", "HEAD"):
            raise MethodNotAllowed(["GET", "HEAD"])
        if self.door.ready:
            await answer.say(200, "ok")
        else:
            await answer.say(503, "unavailable")


def is_cancelled() -> bool:
    """Say whether somebody did cancel this task: the client hung up, or the house closes."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _name(error: BaseException) -> str:
    """Name an exception and its place; its message stays out, since it may hold a secret."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f" in {frames[-1].name}, line {frames[-1].lineno}" if frames else ""
    return f"raised {type(error).__name__}{place}"
