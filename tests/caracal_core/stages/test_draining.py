"""A call whose client is gone goes on to its usage, and never without end."""

import asyncio

import pytest

from caracal_core.domain import Money, Quote, Reply
from caracal_core.domain.headers import Headers
from caracal_core.stages.draining import Draining, Limits
from caracal_core.stages.metering import Metering
from caracal_core.testing.fakes import a_route, usd

ROOMY = Limits(seconds=30, most_bytes=1000, at_once=2)
AGENT = "test-agent"


class _Meter:
    """Reads one cent a byte, and knows all once it saw an exclamation mark."""

    seen, complete = b"", False

    def recognise(self, reply, route, quote):
        return self

    def feed(self, data):
        self.seen += data
        self.complete = b"!" in data
        return data

    def cost(self):
        return Money(len(self.seen) * 10_000, "USD")

    def known(self, delivered):
        return Money(delivered * 10_000, "USD")


def metered(body):
    reply = Reply(200, Headers(), body)
    return Metering([_Meter()]).recognise(reply, a_route(), Quote(usd("1")))


async def saying(*pieces, then=None):
    """Yield the pieces, and then wait, end, or break."""
    for piece in pieces:
        yield piece
    if then is not None:
        await then()


async def forever():
    await asyncio.Event().wait()


def begun(under):
    """Return what waits for a reply that is here already."""

    async def wait():
        return under

    return wait


async def drained(watched, body, limits=ROOMY):
    """Drain a body; return what it did cost."""
    under = metered(body)
    try:
        await watched(lambda due: Draining(limits).run(begun(under), AGENT, due))
        return under.usage()
    finally:
        await under.close()


async def test_it_is_read_until_the_usage_is_known(watched):
    assert await drained(watched, saying(b"a", b"b!", b"c", then=forever)) == usd("0.03")


async def test_a_reply_that_ends_is_read_to_its_end(watched):
    assert await drained(watched, saying(b"a", b"b")) == usd("0.02")


@pytest.mark.parametrize("error", [OSError, SystemExit, asyncio.CancelledError])
async def test_a_reply_that_breaks_has_no_usage(watched, error):
    async def breaks():
        raise error

    assert await drained(watched, saying(b"a", then=breaks)) is None


async def test_it_is_read_for_so_long_at_most(watched):
    limits = Limits(seconds=0.01, most_bytes=1000, at_once=1)
    assert await drained(watched, saying(b"a", then=forever), limits) is None


async def test_it_is_read_so_far_at_most(watched):
    limits = Limits(seconds=30, most_bytes=5, at_once=1)
    assert await drained(watched, saying(*[b"x"] * 5, b"!"), limits) is None
    assert await drained(watched, saying(*[b"x"] * 4, b"!"), limits) == usd("0.05")


async def test_a_reply_that_does_not_begin_is_waited_for_no_longer(watched):
    limits = Limits(seconds=0.01, most_bytes=1000, at_once=1)
    await watched(lambda due: Draining(limits).run(forever, AGENT, due))


@pytest.mark.parametrize("error", [OSError, SystemExit, asyncio.CancelledError])
async def test_a_reply_that_never_begins_ends_the_wait(watched, error):
    async def breaks():
        raise error

    await watched(lambda due: Draining(ROOMY).run(breaks, AGENT, due))


async def test_a_reply_that_no_meter_reads_is_not_read(watched):
    await watched(lambda due: Draining(ROOMY).run(begun(None), AGENT, due))


@pytest.mark.parametrize("limit", [{"seconds": 0}, {"most_bytes": 0}, {"at_once": 0}])
async def test_nothing_is_read_where_a_limit_is_nothing(watched, limit):
    limits = Limits(**{"seconds": 30, "most_bytes": 1000, "at_once": 1} | limit)
    assert await drained(watched, saying(b"a", then=forever), limits) is None


async def test_an_agent_takes_half_at_most_and_others_find_room(watched, caplog):
    draining = Draining(Limits(seconds=30, most_bytes=1000, at_once=4))

    def hang_up(agent, body):
        under = metered(body)
        return under, watched(lambda due: draining.run(begun(under), agent, due))

    leaving = [hang_up(agent, saying(b"a", then=forever)) for agent in "aaabbcd"]
    await asyncio.wait([task for _, task in leaving[2::2]], timeout=10)
    assert [task.done() for _, task in leaving] == [at in (2, 4, 6) for at in range(7)]
    assert caplog.text.count("too many") == 3
    for under, _ in leaving:
        await under.close()
    await asyncio.wait([task for _, task in leaving])
    ending, task = hang_up("a", saying(b"!"))
    await task
    assert ending.usage() == usd("0.01")


async def test_no_second_hang_up_strikes_it(watched):
    """A connection that is lost cancels its task, and so does who notices it besides."""
    go_on = asyncio.Event()
    under = metered(saying(b"a", b"!", then=None))
    slow = metered(_after(go_on, under))
    task = watched(lambda due: Draining(ROOMY).run(begun(slow), AGENT, due))
    for _ in range(3):
        await asyncio.sleep(0)
        task.cancel()
    await asyncio.sleep(0)
    assert not task.done()
    go_on.set()
    await asyncio.wait([task])
    assert slow.usage() == usd("0.02")


async def _after(event, body):
    await event.wait()
    async for data in body:
        yield data


async def test_the_gateways_own_end_ends_it(watched, warden):
    under = metered(saying(b"a", then=forever))
    task = watched(lambda due: Draining(ROOMY).run(begun(under), AGENT, due))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.sleep(0)
    assert not task.done()
    warden.dismiss()
    await asyncio.wait([task], timeout=5)
    assert task.done()
    assert under.usage() is None
    await under.close()
