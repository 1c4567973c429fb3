"""The corridor: what each ending leaves behind, under cancellation at every step too."""

import asyncio
import random
import types

import pytest

from caracal_core.domain import (
    Agent,
    Decision,
    Headers,
    Principal,
    Quote,
    Receipt,
    Reply,
    Reservation,
    Route,
)
from caracal_core.errors import BudgetExceeded, Denied, Failure, NoRoute, Unauthenticated
from caracal_core.gateway import Gateway
from caracal_core.stages.authentication import Authentication, Scheme
from caracal_core.stages.authorization import Authorization
from caracal_core.stages.charging import Charging
from caracal_core.stages.deadline import Warden
from caracal_core.stages.draining import Draining, Limits
from caracal_core.stages.forwarding import Forwarding
from caracal_core.stages.metering import Metering
from caracal_core.stages.observation import Observation
from caracal_core.stages.part import Part
from caracal_core.stages.reasons import Reasons
from caracal_core.stages.replay import Replay, Window
from caracal_core.stages.routing import Routing
from caracal_core.stages.trial import Trial
from caracal_core.testing.fakes.behaviour import (
    allow,
    broken,
    cancels,
    collapses,
    deny,
    junk,
    slow,
)
from caracal_core.testing.fakes.clock import FakeClock
from caracal_core.testing.fakes.ledger import FakeLedger
from caracal_core.testing.fakes.parts import (
    TrivialAuthenticator,
    TrivialDirectory,
    TrivialLedger,
    TrivialObserver,
    TrivialPolicy,
    TrivialReplayGuard,
    TrivialReplyFilter,
    TrivialRevocations,
    TrivialRouter,
    TrivialTariff,
    TrivialUpstream,
)
from caracal_core.testing.fakes.request import a_request
from caracal_core.testing.fakes.values import a_route, usd

NOW = 1_800_000_000
NONCE = {"X-Caracal-Nonce": "n-1", "X-Caracal-Timestamp": str(NOW)}
PRICED = a_route(tariff="test-tariff").terms
NOTHING = types.NoneType


class _Uncounted:
    def add(self, amount=1):
        """Count nothing."""


class _House:
    """A corridor of trivial parts, any of which can be replaced."""

    def __init__(self, warden, **parts):
        self.observer = TrivialObserver()
        given = {
            "router": TrivialRouter(terms=PRICED),
            "authenticator": TrivialAuthenticator(),
            "directory": TrivialDirectory(),
            "revocations": TrivialRevocations(),
            "guard": TrivialReplayGuard(),
            "policy": TrivialPolicy(),
            "tariff": TrivialTariff(),
            "ledger": TrivialLedger(),
            "upstream": TrivialUpstream(reply_seconds=0.05),
            "reply_filter": TrivialReplyFilter(),
        } | parts
        each = types.SimpleNamespace(**given)
        self.gateway = Gateway(
            Observation(
                [self._part(self.observer.observe, NOTHING)],
                warden,
                _Uncounted(),
                Reasons(str, each.authenticator.headers),
            ),
            Routing([self._part(each.router.match, Route, NOTHING)]),
            self._authentication(each),
            Replay(self._part(each.guard.claim, bool), Window(300, 60, 360), FakeClock(NOW)),
            Authorization([self._part(each.policy.decide, Decision, NOTHING)]),
            Trial([], self._part(each.revocations.revoked, bool), FakeClock(NOW)),
            Charging(
                self._part(each.tariff.quote, Quote),
                self._part(each.ledger.reserve, Reservation),
                self._part(each.ledger.post, Receipt),
                each.ledger,
                Metering([]),
                Draining(Limits(1, 1000, 1)),
                _Uncounted(),
                300,
                3600,
            ),
            Forwarding(
                {"test-upstream": each.upstream},
                [self._part(each.reply_filter.filter, Reply)],
                each.authenticator.headers,
            ),
        )
        self.delivered = []

    def _authentication(self, each):
        verb = self._part(each.authenticator.authenticate, Principal)
        return Authentication(
            [Scheme("test", "Test", frozenset({"authorization"}), verb)],
            self._part(each.directory.find, Agent, NOTHING),
            self._part(each.revocations.revoked, bool),
            each.revocations.known,
        )

    @staticmethod
    def _part(verb, *answers):
        return Part(verb.__qualname__, verb, answers, 0.05)

    async def deliver(self, reply, settle):
        body = [data async for data in reply.body]
        await settle()
        self.delivered.append((reply.status, b"".join(body)))

    async def call(self, deliver=None):
        await self.gateway.exchange(a_request(headers=NONCE), deliver or self.deliver)


@pytest.fixture
async def house():
    warden = Warden()
    patrol = asyncio.create_task(warden.patrol())
    yield lambda **parts: _House(warden, **parts)
    patrol.cancel()


async def test_a_call_walks_the_whole_corridor(house):
    one = house()
    await one.call()
    assert one.delivered == [(200, b"ok")]


REFUSALS = {
    "router": (TrivialRouter, NoRoute),
    "authenticator": (TrivialAuthenticator, Unauthenticated),
    "directory": (TrivialDirectory, Unauthenticated),
    "policy": (TrivialPolicy, Denied),
    "ledger": (TrivialLedger, BudgetExceeded),
    "upstream": (TrivialUpstream, Denied),
    "reply_filter": (TrivialReplyFilter, Denied),
}


@pytest.mark.parametrize("role", REFUSALS)
async def test_each_part_can_refuse(house, role):
    part, refusal = REFUSALS[role]
    one = house(**{role: part(deny)})
    with pytest.raises(refusal):
        await one.call()
    assert one.delivered == []


ROLES = {
    "router": TrivialRouter,
    "authenticator": TrivialAuthenticator,
    "directory": TrivialDirectory,
    "guard": TrivialReplayGuard,
    "policy": TrivialPolicy,
    "tariff": TrivialTariff,
    "ledger": TrivialLedger,
    "upstream": lambda behave: TrivialUpstream(behave, reply_seconds=0.05),
    "reply_filter": TrivialReplyFilter,
}


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("behave", [broken, collapses, cancels, junk, slow])
async def test_each_part_can_misbehave_and_the_next_request_is_unaffected(house, role, behave):
    behaviours = iter([behave])

    async def once(yes, no):
        return await next(behaviours, allow)(yes, no)

    one = house(**{role: ROLES[role](once)})
    with pytest.raises(Failure):
        await one.call()
    assert one.delivered == []
    await one.call()
    assert one.delivered == [(200, b"ok")]


@pytest.fixture
def ledger():
    ledger = FakeLedger()
    ledger.limit("test-agent", usd("1000"))
    return ledger


@pytest.mark.parametrize("error", [Failure("x", "y"), RuntimeError(), asyncio.CancelledError()])
async def test_a_delivery_that_breaks_leaves_no_hold_open(house, ledger, error):
    async def deliver(reply, settle):
        raise error

    with pytest.raises(Failure):
        await house(ledger=ledger).call(deliver)
    await asyncio.sleep(0)
    assert ledger.pending == {}
    assert len(ledger.receipts) == 1


class _Distant:
    """A ledger whose every answer takes some steps of the loop, in the order of the calls."""

    def __init__(self, ledger):
        self.ledger = ledger
        self.ended = []
        self.last = None

    def reserve(self, charge):
        return self._later(lambda: self.ledger.reserve(charge))

    def post(self, id, amount, cause, basis="held"):
        self.ended.append(id)
        return self._later(lambda: self.ledger.post(id, amount, cause, basis))

    def void(self, id, cause):
        self.ended.append(id)
        return self._later(lambda: self.ledger.void(id, cause))

    def _later(self, work):
        receipt, before = asyncio.get_running_loop().create_future(), self.last

        async def run():
            if before is not None:
                await asyncio.wait([before])
            await asyncio.sleep(0)
            answer = await work()
            if not receipt.done():
                receipt.set_result(answer)

        self.last = asyncio.ensure_future(run())
        return receipt


async def test_cancelled_anywhere_even_twice_no_hold_stays_open_and_none_ends_twice(house, ledger):
    """Two hundred calls, each cancelled after its own number of steps of the loop."""

    class Wandering(TrivialUpstream):
        """Takes some steps of the loop before and after its head."""

        def send(self, request, route, on_sent):
            context = super().send(request, route, on_sent)

            async def body():
                for _ in range(3):
                    await asyncio.sleep(0)
                    yield b"x"

            class Steps:
                async def __aenter__(self):
                    await asyncio.sleep(0)
                    await context.__aenter__()
                    await asyncio.sleep(0)
                    return Reply(200, Headers(), body())

                __aexit__ = context.__aexit__

            return Steps()

    distant = _Distant(ledger)
    one = house(ledger=distant, upstream=Wandering(reply_seconds=5))
    steps = random.Random(7)
    for _ in range(200):
        task = asyncio.ensure_future(one.call())
        for _ in range(steps.randrange(1, 18)):
            await asyncio.sleep(0)
        task.cancel()
        if steps.random() < 0.5:
            await asyncio.sleep(0)
            task.cancel()
        await asyncio.wait([task])
    await distant.last
    assert ledger.pending == {}
    assert len(set(distant.ended)) == len(distant.ended) > 100
    causes = {receipt.cause for receipt in ledger.receipts.values()}
    assert causes == {"not_sent", "client_gone", "reply"}
    assert len(one.gateway.observation.warden) == 0
