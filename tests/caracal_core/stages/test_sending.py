"""A reply may be waited for though its client is gone, and the upstream's work always ends."""

import asyncio

import pytest

from caracal_core.domain import Headers, Reply
from caracal_core.errors import Denied, Failure, UpstreamTimeout, UpstreamUnreachable
from caracal_core.stages.sending import Sending
from caracal_core.testing.fakes import Stubborn
from caracal_core.testing.fakes.behaviour import Junk
from caracal_core.testing.fakes.script import stream


class Work:
    """An upstream's context that replies once it is let.

    Attributes:
        entered: set once it works.
        go_on: set it to let it reply.
        told: what became of it.
    """

    def __init__(self, wait=None, answer=None):
        self.entered, self.go_on, self.told = asyncio.Event(), asyncio.Event(), []
        self._wait = wait or self.go_on.wait
        self.answer = answer or Reply(200, Headers(), stream([b"ok"]))

    async def __aenter__(self):
        self.entered.set()
        try:
            await self._wait()
        except BaseException as error:
            self.told.append(type(error).__name__)
            raise
        return self.answer

    async def __aexit__(self, kind, error, trace):
        self.told.append(("left", kind and kind.__name__))


class Patience:
    """What is done once the client is gone: the reply is waited for, or not.

    Attributes:
        began: set once it is asked.
        came: the replies.
    """

    def __init__(self, waits=True):
        self.waits, self.began, self.came = waits, asyncio.Event(), []

    async def __call__(self, head):
        self.began.set()
        waiting = asyncio.ensure_future(head())
        while self.waits and not waiting.done():
            try:
                await asyncio.wait({waiting})
            except asyncio.CancelledError:
                continue
        if self.waits:
            self.came.append(waiting.result())
        waiting.cancel()


@pytest.fixture
def sending(watched):
    """Send in a task of its own; return that, and its `Due`."""
    dues = []

    def start(work, left, seconds=30.0, inside=None):
        async def run(due):
            dues.append(due)
            async with Sending("upstream u", work, None, seconds, due, left) as reply:
                if inside:
                    await inside()
                return reply

        return watched(run)

    start.dues = dues
    return start


@pytest.mark.parametrize("left", [None, Patience()])
async def test_the_reply_comes_back_and_the_upstream_is_left(sending, left):
    work = Work()
    work.go_on.set()
    assert await sending(work, left) is work.answer
    assert work.told == [("left", None)]


async def test_a_reply_is_waited_for_though_the_client_is_gone(sending):
    """However often it is said to be gone."""
    work, patience = Work(), Patience()
    task = sending(work, patience)
    await work.entered.wait()
    for _ in range(3):
        task.cancel()
        await patience.began.wait()
        await asyncio.sleep(0)
    assert not task.done()
    work.go_on.set()
    await asyncio.wait([task], timeout=10)
    assert task.cancelled()
    assert patience.came == [work.answer]
    assert work.told == [("left", "CancelledError")]


async def test_a_reply_that_nobody_waits_for_is_given_up(sending):
    work, patience = Work(), Patience(waits=False)
    task = sending(work, patience)
    await work.entered.wait()
    task.cancel()
    await asyncio.wait([task], timeout=10)
    assert task.cancelled()
    assert work.told == ["CancelledError"]


async def test_without_it_the_client_ends_the_work(sending):
    work = Work()
    task = sending(work, None)
    await work.entered.wait()
    task.cancel()
    await asyncio.wait([task], timeout=10)
    assert task.cancelled()
    assert work.told == ["CancelledError"]


async def test_the_gateways_own_end_waits_for_no_reply(sending, warden):
    work, patience = Work(), Patience()
    task = sending(work, patience)
    await work.entered.wait()
    warden.dismiss()
    await asyncio.wait([task], timeout=10)
    assert task.cancelled()
    assert (work.told, patience.began.is_set()) == (["CancelledError"], False)


@pytest.mark.parametrize("swallows", [0, 3])
async def test_a_late_upstream_is_504_and_struck_until_it_ends(sending, swallows):
    stubborn = Stubborn(swallows)
    work = Work(lambda: stubborn(None, None))
    patience = Patience()
    with pytest.raises(UpstreamTimeout):
        await sending(work, patience, seconds=0.01)
    assert work.told == ["CancelledError"]
    assert stubborn.swallowed == swallows
    assert not patience.began.is_set()


@pytest.mark.parametrize(
    ("raised", "expected"),
    [
        (RuntimeError, Failure),
        (SystemExit, Failure),
        (KeyboardInterrupt, Failure),
        (asyncio.CancelledError, Failure),
        (Denied, Denied),
        (UpstreamUnreachable("u", "reset"), UpstreamUnreachable),
    ],
)
async def test_what_it_raises_is_a_failure_or_its_own_refusal(sending, raised, expected):
    async def break_down():
        raise raised

    work, patience = Work(break_down), Patience()
    with pytest.raises(expected):
        await sending(work, patience)
    assert not patience.began.is_set()
    assert len(work.told) == 1


async def test_an_upstream_that_answers_junk_is_left(sending):
    work = Work(answer=Junk())
    work.go_on.set()
    with pytest.raises(Failure, match="Junk"):
        await sending(work, Patience())
    assert work.told == [("left", "Failure")]


async def test_one_that_breaks_once_the_client_is_gone_ends_the_call(sending):
    async def reset():
        await work.go_on.wait()
        raise UpstreamUnreachable("u", "reset")

    async def left(head):
        work.go_on.set()
        with pytest.raises(UpstreamUnreachable):
            await head()

    work = Work(reset)
    task = sending(work, left)
    await work.entered.wait()
    task.cancel()
    await asyncio.wait([task], timeout=10)
    assert task.cancelled()
    assert work.told == ["UpstreamUnreachable"]
