"""Parts that do as a file says: properly, or as no part should.

The file that ODD_SWITCH names holds the name of a part and a way to misbehave, or nothing.
"""

import asyncio
import os
from pathlib import Path

import msgspec

from caracal_core.domain import Terms
from caracal_core.plugin import Plugin, hookimpl
from caracal_core.ports import Endpoint
from caracal_core.testing.fakes import behaviour
from caracal_core.testing.fakes.behaviour import allow, deny
from caracal_core.testing.fakes.parts import (
    TrivialAuthenticator,
    TrivialHealthCheck,
    TrivialLedger,
    TrivialObserver,
    TrivialPolicy,
    TrivialReplayGuard,
    TrivialReplyFilter,
    TrivialRouter,
    TrivialTariff,
    TrivialUpstream,
)


async def exits(_yes, _no):
    """Ask the interpreter to end."""
    raise SystemExit(1)


WAYS = {
    "broken": behaviour.broken,
    "collapses": behaviour.collapses,
    "exits": exits,
    "cancels": behaviour.cancels,
    "slow": behaviour.slow,
    "junk": behaviour.junk,
}


def switched(part, otherwise=allow):
    """Return the behaviour of a part at this moment."""
    name, _, way = Path(os.environ["ODD_SWITCH"]).read_text().partition(" ")
    return WAYS[way] if name == part else otherwise


def as_switched(part, otherwise=allow):
    """Return a behaviour that looks at the switch each time."""

    async def behave(yes, no):
        return await switched(part, otherwise)(yes, no)

    return behave


def at_once(part, answer):
    """Behave without waiting, as a plain call does; whoever would hang answers nothing."""
    try:
        switched(part)(lambda: answer, None).send(None)
    except StopIteration as stop:
        return stop.value
    return None


class RouterPlugin(Plugin):
    @hookimpl
    def routers(self, services):
        terms = Terms(upstream="u")
        return [TrivialRouter(as_switched("router", otherwise=deny), terms=terms)]


class SilentAuthenticator(TrivialAuthenticator):
    async def authenticate(self, request):
        return await self.answer("authenticate", lambda: None, lambda: None)


class AuthenticatorPlugin(Plugin):
    @hookimpl
    def authenticators(self, services):
        return [SilentAuthenticator(as_switched("authenticator"))]


class ReplayGuardPlugin(Plugin):
    @hookimpl
    def replay_guard(self, services):
        return TrivialReplayGuard(as_switched("replay_guard"))


class PolicyPlugin(Plugin):
    @hookimpl
    def policies(self, services):
        return [TrivialPolicy(as_switched("policy"))]


class TariffPlugin(Plugin):
    @hookimpl
    def tariff(self, services):
        return TrivialTariff(as_switched("tariff"), names=frozenset({"flat"}))


class Upstream(TrivialUpstream):
    """Misbehaves when it is called, when its reply is awaited, or in the midst of the body."""

    def send(self, request, route, on_sent):
        at_once("send", None)
        sending = super().send(request, route, on_sent)
        reply = sending._reply
        sending._reply = lambda: msgspec.structs.replace(reply(), body=self.body(), length=None)
        return sending

    async def body(self):
        yield b"o"
        yield await as_switched("body")(lambda: b"k", None)


class UpstreamPlugin(Plugin):
    @hookimpl
    def upstreams(self, services):
        return {"odd": Upstream(as_switched("upstream"), reply_seconds=0.3)}


class ReplyFilterPlugin(Plugin):
    @hookimpl
    def reply_filters(self, services):
        return [TrivialReplyFilter(as_switched("reply_filter"))]


class Observer(TrivialObserver):
    async def observe(self, exchange):
        return await self.answer("observe", lambda: None, lambda: None)


class ObserverPlugin(Plugin):
    @hookimpl
    def observers(self, services):
        return [Observer(as_switched("observer"))]


class Meter:
    """Knows no cost, and may misbehave at each of its verbs."""

    complete = False

    def recognise(self, reply, route, quote):
        return at_once("recognise", self)

    def feed(self, data):
        return at_once("feed", data)

    def cost(self):
        return at_once("cost", None)

    def known(self, delivered):
        return at_once("known", None)


class MeterPlugin(Plugin):
    @hookimpl
    def meters(self, services):
        return [Meter()]


class HealthPlugin(Plugin):
    @hookimpl
    def health(self, services):
        return [TrivialHealthCheck(as_switched("health"))]


class EndpointPlugin(Plugin):
    @hookimpl
    def endpoints(self, services):
        async def answer():
            return await as_switched("endpoint")(lambda: "well", None)

        return [Endpoint("", answer), Endpoint("hanging", asyncio.Future)]


class LedgerPlugin(Plugin):
    """Shows what it was asked to do."""

    def __init__(self, config):
        super().__init__(config)
        self.journal = []

    @hookimpl
    def ledger(self, services):
        return TrivialLedger(as_switched("reserve"), self.journal, as_switched("post"))

    @hookimpl
    def endpoints(self, services):
        async def journal():
            return self.journal

        return [Endpoint("", journal)]
