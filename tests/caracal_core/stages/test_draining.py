"""A call whose client is gone goes on to its usage, and never without end."""

import asyncio

import pytest

from caracal_core.domain import Money, Quote, Reply
from caracal_core.domain.headers import Headers
from caracal_core.errors import Denied, Failure
from caracal_core.stages.draining import Draining, Limits
from caracal_core.stages.metering import Metering
from caracal_core.stages.part import Part
from caracal_core.testing.fakes import a_route, usd
from caracal_core.testing.fakes.behaviour import CollapseError

ROOMY = Limits(seconds=30, most_bytes=1000, at_once=4)
BRIEF = Limits(seconds=0.01, most_bytes=1000, at_once=4)
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


async def drained(watched, body, limits=ROOMY):
    """Read a body on; return what it did cost."""
    under = metered(body)

    async def read(due):
        draining = Draining(limits)
        assert draining.go_on(AGENT, due)
        await draining.read(under, due)

    try:
        await watched(read)
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
    assert await drained(watched, saying(b"a", then=forever), BRIEF) is None


async def test_it_is_read_so_far_at_most(watched):
    limits = Limits(seconds=30, most_bytes=5, at_once=1)
    assert await drained(watched, saying(*[b"x"] * 5, b"!"), limits) is None
    assert await drained(watched, saying(*[b"x"] * 4, b"!"), limits) == usd("0.05")


@pytest.mark.parametrize("limit", [{"seconds": 0}, {"most_bytes": 0}])
async def test_nothing_is_read_where_a_limit_is_nothing(watched, limit):
    limits = Limits(**{"seconds": 30, "most_bytes": 1000, "at_once": 1} | limit)
    assert await drained(watched, saying(b"a", then=forever), limits) is None


class Call:
    """A call that ends once it is let, and what its exchange knows of it.

    Attributes:
        began: set once it runs.
        go_on: set it to let it end.
        ended: set once it ended well.
        told: how it ended.
        due: its exchange's deadline.
    """

    def __init__(self, draining, *, waits=True, agent=AGENT, error=None):
        self.began, self.go_on, self.ended = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self.told = []
        self.draining, self.waits, self.agent, self.error = draining, waits, agent, error
        self.due = None

    async def __call__(self):
        self.began.set()
        try:
            await self.go_on.wait()
        except BaseException as error:
            self.told.append(type(error).__name__)
            raise
        if self.error:
            raise self.error
        self.told.append("ended")
        self.ended.set()

    async def exchange(self, due):
        self.due = due
        await self.draining.see_through(self, self.agent, lambda: self.waits, due)


@pytest.fixture
def begin(watched):
    """Begin a call and wait until it runs; return it, and its exchange's task."""

    async def begin(draining=None, **how):
        call = Call(draining or Draining(ROOMY), **how)
        task = watched(call.exchange)
        await call.began.wait()
        return call, task

    return begin


async def over(task):
    """Wait until it is over, however it ends."""
    await asyncio.wait([task], timeout=10)
    assert task.done()
    return task


async def test_a_call_ends_as_it_ends(begin):
    call, task = await begin()
    call.go_on.set()
    assert await task is None
    assert call.told == ["ended"]


async def test_who_leaves_when_all_is_done_was_answered(begin):
    call, task = await begin()
    call.go_on.set()
    await call.ended.wait()
    task.cancel()
    assert await task is None


@pytest.mark.parametrize("error", [Denied("no"), CollapseError("c"), asyncio.CancelledError()])
async def test_what_it_raises_is_raised_in_the_exchange(begin, error):
    call, task = await begin(error=error)
    call.go_on.set()
    with pytest.raises(type(error)):
        await task
    assert not task.cancelling()


async def test_it_goes_on_without_its_client_however_often_that_is_gone(begin):
    call, task = await begin()
    for _ in range(3):
        task.cancel()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        call.waits = False
    assert (task.done(), call.told) == (False, [])
    call.go_on.set()
    assert (await over(task)).cancelled()
    assert call.told == ["ended"]


@pytest.mark.parametrize("error", [Denied("no"), Failure("p", "broke"), SystemExit("s")])
async def test_nobody_is_left_to_hear_what_it_raises_then(begin, error):
    call, task = await begin(error=error)
    task.cancel()
    await asyncio.sleep(0)
    call.go_on.set()
    assert (await over(task)).cancelled()


async def test_it_ends_with_its_client_where_there_is_nothing_to_learn(begin):
    call, task = await begin(waits=False)
    task.cancel()
    assert (await over(task)).cancelled()
    assert call.told == ["CancelledError"]


async def test_it_goes_on_for_so_long_at_most(begin):
    call, task = await begin(Draining(BRIEF))
    task.cancel()
    assert (await over(task)).cancelled()
    assert call.told == ["CancelledError"]


async def test_one_that_is_over_its_time_may_leave_in_peace(watched):
    """It is cancelled once; what it still does has deadlines of its own."""

    class Leaving(Call):
        async def __call__(self):
            try:
                await super().__call__()
            finally:
                await asyncio.sleep(0.2)  # longer than the warden's tick
                self.told.append("left")

    call = Leaving(Draining(BRIEF))
    task = watched(call.exchange)
    await call.began.wait()
    task.cancel()
    await asyncio.sleep(0.1)
    task.cancel()
    assert (await over(task)).cancelled()
    assert call.told == ["CancelledError", "left"]


@pytest.mark.parametrize("gone", ["client", "gateway"])
async def test_one_that_ends_before_it_runs_has_ended(watched, warden, gone):
    call = Call(Draining(ROOMY), waits=False)
    task = watched(call.exchange)
    await asyncio.sleep(0)
    if gone == "client":
        task.cancel()
    else:
        warden.dismiss()
    assert (await over(task)).cancelled()
    assert task.cancelling()
    assert call.told in ([], ["CancelledError"])


async def test_an_agent_takes_half_at_most_and_others_find_room(begin, caplog):
    draining = Draining(ROOMY)
    calls = [await begin(draining, agent=agent) for agent in "aaabbcd"]
    for _, task in calls:
        task.cancel()
    refused = [task for _, task in calls[2::2]]
    await asyncio.wait(refused, timeout=10)
    assert [task.done() for _, task in calls] == [at in (2, 4, 6) for at in range(7)]
    assert caplog.text.count("too many") == len(refused)
    for call, task in calls:
        call.go_on.set()
        await over(task)
    call, task = await begin(draining, agent="a")
    task.cancel()
    await asyncio.sleep(0)
    assert call.due.left is not None
    call.go_on.set()
    await over(task)


async def test_the_gateways_own_end_ends_what_goes_on_and_the_client_stays_gone(begin, warden):
    call, task = await begin()
    task.cancel()
    await asyncio.sleep(0)
    warden.dismiss()
    assert (await over(task)).cancelled()
    assert (call.told, call.due.dismissed) == (["CancelledError"], False)


async def test_the_gateways_own_end_ends_the_exchange_too(begin, warden):
    call, task = await begin()
    warden.dismiss()
    assert (await over(task)).cancelled()
    assert task.cancelling()
    assert (call.told, call.due.dismissed) == (["CancelledError"], True)


async def test_a_call_that_finds_its_client_gone_ends_the_exchange(watched):
    """As a connection does where it is to write, and the loss of it is yet to be told."""

    async def finds():
        asyncio.current_task().cancel()
        await asyncio.sleep(0)

    task = watched(lambda due: Draining(ROOMY).see_through(finds, AGENT, lambda: True, due))
    assert (await over(task)).cancelled()
    assert task.cancelling()


async def test_a_late_part_of_it_is_struck_there_and_the_exchange_lives_on(watched):
    async def exchange(due):
        async def call():
            with pytest.raises(Failure, match="longer"):
                await Part("slow", forever, (object,), 0.01)(due)

        await Draining(ROOMY).see_through(call, AGENT, lambda: True, due)
        with pytest.raises(Failure, match="longer"):
            await Part("slow", forever, (object,), 0.01)(due)
        return "alive"

    assert await watched(exchange) == "alive"
