"""What a metered call costs whose client leaves before its reply begins, or midway."""

import asyncio

import pytest

from caracal_core.domain import Headers, Money, Quote, Reply, Settle
from caracal_core.errors import UpstreamUnreachable
from caracal_core.testing.fakes import TrivialObserver, a_request, a_route, usd
from caracal_core.testing.fakes.request import FakeBody
from caracal_core.testing.rehearsal import Rehearsal

POST, VOID = Settle(client_gone="post"), Settle(client_gone="void")
HELD, USAGE, NOTHING = usd("0.25"), usd("0.02"), usd("0")


class _Metered:
    """A tariff whose replies are to be read for their cost."""

    names = frozenset({"test-tariff"})

    async def quote(self, request, route, principal):
        return Quote(HELD, metered=True)


class _Meter:
    """Reads a cent a byte; the end of the reply tells the cost."""

    count, complete = 0, False

    def recognise(self, reply, route, quote):
        return self

    def feed(self, data):
        self.count += len(data)
        return data

    def cost(self):
        return Money(self.count * 10_000, "USD")

    def known(self, delivered):
        return None


class _Upstream:
    """An upstream of which the test says when it sends, and when and what it replies.

    Attributes:
        waits: set once a call waits for a connection.
        connect, reply, rest: set them to let it go on.
        begun: set once it gave the reply's first byte.
        fails: what it raises instead of replying.
        status: its reply's.
        left: how many calls were left.
    """

    def __init__(self, reply_seconds=30.0):
        self.reply_seconds = reply_seconds
        self.waits, self.connect, self.reply = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self.sent, self.begun, self.rest = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self.rest.set()
        self.fails, self.status, self.left = None, 200, 0

    def send(self, request, route, on_sent):
        return _Call(self, on_sent)


class _Call:
    def __init__(self, upstream, on_sent):
        self._upstream, self._on_sent = upstream, on_sent

    async def __aenter__(self):
        far = self._upstream
        far.waits.set()
        await far.connect.wait()
        self._on_sent()
        far.sent.set()
        await far.reply.wait()
        if far.fails:
            raise far.fails
        return Reply(far.status, Headers(), self._body())

    async def _body(self):
        yield b"o"
        self._upstream.begun.set()
        await self._upstream.rest.wait()
        yield b"k"

    async def __aexit__(self, *_):
        self._upstream.left += 1


class _SlowFilter:
    """A filter that waits for the test."""

    def __init__(self):
        self.began, self.go_on = asyncio.Event(), asyncio.Event()

    async def filter(self, reply, route):
        self.began.set()
        await self.go_on.wait()
        return reply


@pytest.fixture
def upstream():
    return _Upstream()


@pytest.fixture
async def leave(upstream):
    """Call, leave at a moment, and say what became of it."""

    async def leave(moment, then, *, request=None, dismissed=False, settle=POST, **parts):
        observer = TrivialObserver()
        terms = a_route(tariff="test-tariff", settle=settle).terms
        parts |= {"tariff": _Metered(), "meters": [_Meter()]}
        async with Rehearsal(
            terms=terms, observers=[observer], upstreams={"test-upstream": upstream}, **parts
        ) as house:
            house.ledger.limit("test-agent", usd("1"))
            call = asyncio.ensure_future(house.call(request or a_request()))
            await moment()
            status = 200 if upstream.begun.is_set() else 499
            if dismissed:
                house.gateway.observation.warden.dismiss()
            else:
                call.cancel()
            await asyncio.wait([call], timeout=0.2)
            then()
            await asyncio.wait([call], timeout=10)
            await house.gateway.observation.drain()
        assert call.cancelled()
        [story] = observer.exchanges
        assert dismissed or (story.status, story.code) == (status, "client_gone")
        reasons.append(story.reason)
        return story.cause, story.posted, story.basis

    leave.reasons = reasons = []
    return leave


async def test_the_reply_is_waited_for_and_costs_its_usage(leave, upstream):
    upstream.connect.set()
    told = await leave(upstream.sent.wait, upstream.reply.set)
    assert told == ("client_gone", USAGE, "metered")
    assert upstream.left == 1


async def test_so_is_one_that_a_filter_has_in_hand(leave, upstream):
    upstream.connect.set()
    upstream.reply.set()
    slow = _SlowFilter()
    told = await leave(slow.began.wait, slow.go_on.set, reply_filters=[slow])
    assert told == ("client_gone", USAGE, "metered")


@pytest.mark.parametrize(
    ("fails", "status", "cause"),
    [(UpstreamUnreachable("u", "reset"), 200, "upstream_failed"), (None, 500, "error_status")],
)
async def test_what_fails_costs_as_much_as_for_who_stays(leave, upstream, fails, status, cause):
    upstream.connect.set()
    upstream.fails, upstream.status = fails, status
    assert await leave(upstream.sent.wait, upstream.reply.set) == (cause, NOTHING, None)
    then = "; then: reset" if fails else ""
    assert leave.reasons == [f"the client hung up{then}"]


async def test_so_does_what_is_late(leave, upstream):
    """The upstream's own time is not longer for a client that is gone."""
    upstream.reply_seconds = 0.01
    upstream.connect.set()
    told = await leave(upstream.sent.wait, lambda: None)
    assert told == ("upstream_timeout", NOTHING, None)


async def test_what_never_comes_costs_the_hold(leave, upstream):
    upstream.connect.set()
    told = await leave(upstream.sent.wait, lambda: None)
    assert told == ("client_gone", HELD, "unmetered")


async def test_before_the_first_byte_the_call_is_given_up_at_once(leave, upstream):
    assert await leave(upstream.waits.wait, upstream.connect.set) == ("not_sent", NOTHING, None)
    assert not upstream.sent.is_set()


async def test_a_request_that_is_not_whole_is_given_up_at_once(leave, upstream):
    """Nobody can answer it any more."""
    upstream.connect.set()
    body = FakeBody([b"x" * 2000, b"y"], between=asyncio.Event().wait)
    request = a_request("POST", body=body)
    told = await leave(upstream.sent.wait, upstream.reply.set, request=request)
    assert told == ("client_gone", HELD, "unmetered")


async def test_where_the_route_voids_it_the_call_is_given_up_at_once(leave, upstream):
    upstream.connect.set()
    told = await leave(upstream.sent.wait, upstream.reply.set, settle=VOID)
    assert told == ("client_gone", NOTHING, None)
    assert upstream.left == 0


async def test_a_reply_that_was_left_midway_is_no_reply(leave, upstream):
    """Though there is nobody who hears of it whole, it costs its usage."""
    upstream.connect.set()
    upstream.reply.set()
    upstream.rest.clear()
    told = await leave(upstream.begun.wait, upstream.rest.set)
    assert told == ("client_gone", USAGE, "metered")


async def test_one_that_the_gateway_ends_midway_is_not_read_on(leave, upstream):
    upstream.connect.set()
    upstream.reply.set()
    upstream.rest.clear()
    told = await leave(upstream.begun.wait, upstream.rest.set, dismissed=True)
    assert told == ("cut", HELD, "unmetered")
