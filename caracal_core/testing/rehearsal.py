"""The whole corridor without sockets: plugins and parts under test, and fakes for the rest."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, Self

from msgspec import Struct

from caracal_core.assembly.furnishing import Furnishing, furnish
from caracal_core.assembly.inspection import check_class
from caracal_core.assembly.lifecycle import Life, close_lives, open_lives
from caracal_core.assembly.wiring import Rules, routes_of, wire
from caracal_core.domain import Exchange, Headers, Reply, Request, Terms
from caracal_core.errors import Answered
from caracal_core.gateway import Gateway
from caracal_core.plugin import Config, Plugin, Services
from caracal_core.ports import AgentDirectory, Revocations
from caracal_core.stages.deadline import Warden
from caracal_core.stages.draining import Limits
from caracal_core.stages.replay import Window
from caracal_core.testing.fakes.clock import FakeClock
from caracal_core.testing.fakes.ledger import FakeLedger
from caracal_core.testing.fakes.parts import (
    TrivialAuthenticator,
    TrivialDirectory,
    TrivialObserver,
    TrivialPolicy,
    TrivialRevocations,
    TrivialRouter,
    TrivialTariff,
)
from caracal_core.testing.fakes.replay_guard import FakeReplayGuard
from caracal_core.testing.fakes.services import FakeCounter, FakeMetrics, a_services
from caracal_core.testing.fakes.upstream import FakeUpstream

DRAINING = Limits(seconds=1.0, most_bytes=2**20, at_once=16)
WINDOW = Window(past=300, future=60, remember=360)


class Rehearsed(Struct, frozen=True):
    """How a request fared.

    Attributes:
        status: what the client would have got.
        headers: the reply's fields, or those that belong to the refusal.
        body: what the client would have got of the reply; empty for a refusal, which only
            the edge words.
        exchange: the story as observers were told it.
        error: the refusal or failure that ended it, if one did; beside a status of the
            upstream's it means that the reply was cut.
    """

    status: int
    headers: Headers
    body: bytes
    exchange: Exchange
    error: Answered | None


class Rehearsal:
    """A house without sockets.

    It is an asynchronous context manager::

        async with Rehearsal(MyPlugin(MyConfig(...))) as rehearsal:
            rehearsed = await rehearsal.call(a_request(...))
            assert rehearsed.status == 200

    For every role that neither the plugins nor the parts fill there is a fake: a router that
    sends everything over one route, an authenticator that proves ``test-agent``, a policy that
    permits, a tariff of 0.25 USD, an exact ledger, and an upstream that answers ``ok``.

    Args:
        plugins: the plugins under test, in the operator's order. The house makes its own of
            each one's class and configuration.
        terms: the terms of the fake router's route; free, to ``test-upstream``.
        services: what the plugins are lent; fakes unless given.
        directory: the registered agents; everybody, unless given.
        revocations: the revoked credentials; none, unless given.
        part_seconds: how long a part may take.
        parts: parts under test, by the name of their hook: ``policies=[MyPolicy()]``.

    Attributes:
        clock: the clock of the corridor, and of the plugins unless services were given.
        ledger: the fake ledger; give its accounts budgets with ``ledger.limit``.
        metrics: the fake metrics, unless services were given.
        misstated: counts the costs that upstreams stated and that are no amount.
        upstream: the fake upstream; it plays a script and keeps what it received.
        gateway: the corridor, once the house is open.
        routes: the terms of every registered route by id, once the house is open.
    """

    gateway: Gateway
    routes: Mapping[str, Terms]

    def __init__(
        self,
        *plugins: Plugin[Any],
        terms: Terms | None = None,
        services: Services | None = None,
        directory: AgentDirectory | None = None,
        revocations: Revocations | None = None,
        part_seconds: float = 1.0,
        **parts: Any,
    ) -> None:
        self.clock = FakeClock()
        self.ledger = FakeLedger()
        self.metrics = FakeMetrics()
        self.upstream = FakeUpstream()
        self.misstated = FakeCounter()
        self._plugins = plugins
        self._parts = parts
        self._terms = terms
        self._services = services or a_services(clock=self.clock, metrics=self.metrics)
        self._directory = directory or TrivialDirectory()
        self._revocations = revocations or TrivialRevocations()
        self._rules = Rules(part_seconds, part_seconds, 300.0, 3600.0, DRAINING, WINDOW)
        self._observer = TrivialObserver()
        self._warden = Warden()
        self._lives: Sequence[Life] = ()
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        tested = [*map(self._furnish, self._plugins), _furnishing("parts", False, self._parts)]
        furnishings = [*tested, _furnishing("fakes", True, self._fakes(tested))]
        self.routes = routes_of(furnishings)
        self._lives = await open_lives(furnishings)
        self.gateway = wire(
            furnishings,
            self._directory,
            self._revocations,
            self._rules,
            self._warden,
            self.clock,
            FakeCounter(),
            self.misstated,
            mask=str,
        )
        work = self._warden.patrol(), self.gateway.observation.tell()
        self._tasks = [asyncio.create_task(each) for each in work]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await close_lives(self._lives)

    async def call(self, request: Request) -> Rehearsed:
        """Lead a request through the house and return how it fared."""
        client, error = _Client(), None
        try:
            await self.gateway.exchange(request, client.deliver)
        except Answered as ended:
            error = ended
        await self.gateway.observation.drain()
        (exchange,) = [e for e in self._observer.exchanges if e.id == request.id]
        if client.status is None and error is not None:
            return Rehearsed(error.status, Headers(error.headers()), b"", exchange, error)
        return Rehearsed(client.status or 0, client.headers, client.body, exchange, error)

    def _furnish(self, plugin: Plugin[Any]) -> Furnishing:
        name = plugin.name or type(plugin).__name__
        plugin_class = check_class(name, type(plugin))
        return furnish(name, plugin_class, plugin.config, self._services, builtin=False)

    def _fakes(self, tested: Sequence[Furnishing]) -> dict[str, Any]:
        """Return a fake for each role that is not filled; single roles are displaced anyway."""
        fakes: dict[str, Any] = {"replay_guard": FakeReplayGuard(), "ledger": self.ledger}
        if not any(f.routers for f in tested):
            fakes["routers"] = (TrivialRouter(terms=self._terms),)
        if not any(f.authenticators for f in tested):
            fakes["authenticators"] = (TrivialAuthenticator(),)
        if not any(f.policies for f in tested):
            fakes["policies"] = (TrivialPolicy(),)
        terms = routes_of([*tested, _furnishing("fakes", True, fakes)]).values()
        given = {name for f in tested for name in f.upstreams}
        fakes["upstreams"] = {t.upstream: self.upstream for t in terms if t.upstream not in given}
        fakes["tariff"] = TrivialTariff(names=frozenset(t.tariff for t in terms if t.tariff))
        fakes["observers"] = (self._observer,)
        return fakes


class _Client:
    """Takes a reply as the edge would: its last bytes wait for the settlement."""

    def __init__(self) -> None:
        self.status: int | None = None
        self.headers = Headers()
        self.body = b""

    async def deliver(self, reply: Reply, settle: Callable[[], Awaitable[None]]) -> None:
        self.status, self.headers = reply.status, reply.headers
        last = b""
        async for data in reply.body:
            self.body += last
            last = data
        await settle()
        self.body += last


def _furnishing(name: str, builtin: bool, parts: dict[str, Any]) -> Furnishing:
    """Return parts that come without a plugin of their own."""
    plugin: Plugin[Config] = Plugin(Config())
    return Furnishing(name, builtin, plugin, lambda: plugin.lifespan(a_services()), **parts)
