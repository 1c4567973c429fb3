"""The rehearsal: the house's own corridor, with fakes only where nothing was given."""

import asyncio
import contextlib

import pytest

from caracal_core.domain import Headers, Reply
from caracal_core.errors import (
    BudgetExceeded,
    Denied,
    Failure,
    Misconfigured,
    Replayed,
    Unauthenticated,
    UpstreamBrokenReply,
)
from caracal_core.plugin import Config, Plugin, hookimpl, setting
from caracal_core.testing.fakes import (
    TrivialAuthenticator,
    TrivialLedger,
    TrivialPolicy,
    TrivialReplyFilter,
    TrivialRouter,
    TrivialUpstream,
    a_request,
    a_route,
    broken,
    deny,
    slow,
    usd,
)
from caracal_core.testing.fakes.script import Answer, Cut
from caracal_core.testing.rehearsal import Rehearsal

PRICED = a_route(tariff="test-tariff").terms
NONCE = {"x-caracal-nonce": "n-1", "x-caracal-timestamp": "1800000000"}


class _Keys(Config):
    word: str = setting("hello", description="What the replies say.")


class _Greeting(Plugin[_Keys]):
    """Adds a word to every reply."""

    Config = _Keys
    opened = 0

    @hookimpl
    def lifespan(self, services):
        @contextlib.asynccontextmanager
        async def span():
            _Greeting.opened += 1
            yield
            _Greeting.opened -= 1

        return span()

    @hookimpl
    def reply_filters(self, services):
        config = self.config

        class Greeter:
            async def filter(self, reply, route):
                headers = reply.headers.plus(("x-word", config.word))
                return Reply(reply.status, headers, reply.body, reply.length)

        return [Greeter()]


async def test_with_nothing_given_a_call_goes_through():
    async with Rehearsal() as rehearsal:
        rehearsed = await rehearsal.call(a_request("POST", "/a?b", body=b"question"))
    assert (rehearsed.status, rehearsed.body, rehearsed.error) == (200, b"ok", None)
    assert (rehearsed.exchange.agent, rehearsed.exchange.status) == ("test-agent", 200)
    (received,) = rehearsal.upstream.received
    assert (received.target, received.body) == ("/a?b", b"question")


async def test_a_plugin_is_built_from_its_class_and_configuration():
    async with Rehearsal(_Greeting(_Keys(word="good day"))) as rehearsal:
        rehearsed = await rehearsal.call(a_request())
    assert rehearsed.headers.get("x-word") == "good day"


async def test_lifespans_are_opened_and_closed():
    async with Rehearsal(_Greeting(_Keys())):
        assert _Greeting.opened == 1
    assert _Greeting.opened == 0


async def test_a_plugin_that_does_not_fit_is_refused():
    class Misspelt(Plugin[Config]):
        """Marks what is no hook."""

        @hookimpl
        def policy(self, services):
            return None

    with pytest.raises(Misconfigured, match="policies"):
        async with Rehearsal(Misspelt(Config())):
            """Nothing opens."""


@pytest.mark.parametrize(
    ("parts", "error"),
    [
        ({"authenticators": [TrivialAuthenticator(deny)]}, Unauthenticated),
        ({"policies": [TrivialPolicy(deny)]}, Denied),
        ({"policies": [TrivialPolicy(broken)]}, Failure),
        ({"policies": [TrivialPolicy(slow)]}, Failure),
        ({"upstreams": {"test-upstream": TrivialUpstream(deny)}}, Denied),
        ({"reply_filters": [TrivialReplyFilter(deny)]}, Denied),
    ],
)
async def test_a_part_displaces_its_fake(parts, error):
    async with Rehearsal(part_seconds=0.05, **parts) as rehearsal:
        rehearsed = await rehearsal.call(a_request())
    assert type(rehearsed.error) is error
    assert (rehearsed.status, rehearsed.body) == (error.status, b"")
    assert rehearsed.exchange.code == error.code


async def test_a_refusal_brings_its_headers():
    async with Rehearsal(authenticators=[TrivialAuthenticator(deny)]) as rehearsal:
        rehearsed = await rehearsal.call(a_request())
    assert rehearsed.headers == Headers([("www-authenticate", "Test")])


async def test_money_is_held_and_posted():
    async with Rehearsal(terms=PRICED) as rehearsal:
        rehearsal.ledger.limit("test-agent", usd("0.3"))
        paid, refused = [await rehearsal.call(a_request()) for _ in range(2)]
    assert (paid.status, paid.exchange.posted) == (200, usd("0.25"))
    assert type(refused.error) is BudgetExceeded
    assert rehearsal.ledger.spent("test-agent") == usd("0.25")
    assert not rehearsal.ledger.pending


async def test_a_ledger_of_ones_own_displaces_the_fake():
    journal = []
    async with Rehearsal(terms=PRICED, ledger=TrivialLedger(journal=journal)) as rehearsal:
        assert (await rehearsal.call(a_request())).status == 200
    assert journal == ["reserve", "post"]


async def test_a_nonce_is_claimed():
    async with Rehearsal() as rehearsal:
        first, again = [await rehearsal.call(a_request(headers=NONCE)) for _ in range(2)]
    assert first.status == 200
    assert type(again.error) is Replayed


async def test_the_corridor_goes_by_the_fake_clock():
    async with Rehearsal() as rehearsal:
        rehearsal.clock.advance(1000)
        rehearsed = await rehearsal.call(a_request(headers=NONCE))
    assert rehearsed.exchange.code == "timestamp_out_of_window"


async def test_the_upstream_plays_its_script():
    async with Rehearsal() as rehearsal:
        rehearsal.upstream.will(Answer(418, chunks=(b"tea", b"pot")))
        rehearsed = await rehearsal.call(a_request())
    assert (rehearsed.status, rehearsed.body) == (418, b"teapot")


async def test_a_cut_reply_has_a_status_and_an_error():
    async with Rehearsal() as rehearsal:
        rehearsal.upstream.will(Cut((b"one", b"two")))
        rehearsed = await rehearsal.call(a_request())
    assert (rehearsed.status, rehearsed.body) == (200, b"one")
    assert type(rehearsed.error) is UpstreamBrokenReply


async def test_what_ones_own_routes_name_is_furnished():
    terms = a_route(upstream="elsewhere", tariff="per-call").terms
    async with Rehearsal(routers=[TrivialRouter(terms=terms)]) as rehearsal:
        rehearsal.ledger.limit("test-agent", usd("1"))
        assert (await rehearsal.call(a_request())).exchange.posted == usd("0.25")
    assert len(rehearsal.upstream.received) == 1


async def test_calls_may_overlap():
    async with Rehearsal() as rehearsal:
        rehearsed = await asyncio.gather(*(rehearsal.call(a_request()) for _ in range(20)))
    assert [each.status for each in rehearsed] == [200] * 20
    assert len({each.exchange.id for each in rehearsed}) == 20


async def test_nothing_is_left_running():
    before = asyncio.all_tasks()
    async with Rehearsal(_Greeting(_Keys())) as rehearsal:
        await rehearsal.call(a_request())
    assert asyncio.all_tasks() == before
