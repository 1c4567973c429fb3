"""Whoever asks a reader is answered in time, whatever the reader does."""

import asyncio

import pytest

from caracal_core import reading
from caracal_core.errors import Misconfigured
from caracal_core.reading import Reading, Unread

LONG, SHORT = 20.0, 0.01
BAD = Misconfigured("a.key", "/file holds no key", "Give one.")


def raises(error):
    async def read():
        raise error

    return Reading(read)


async def test_it_gives_what_is_read_each_time_anew():
    values = iter("ab")

    async def read():
        return next(values)

    each = Reading(read)
    assert [await each.read(LONG), await each.read(LONG)] == ["a", "b"]


async def test_what_a_reader_may_raise_is_raised():
    with pytest.raises(Misconfigured) as raised:
        await raises(BAD).read(LONG)
    assert raised.value is BAD


@pytest.mark.parametrize(
    "kind", [KeyError, TimeoutError, asyncio.CancelledError, SystemExit, KeyboardInterrupt]
)
async def test_whatever_else_it_raises_is_told_by_its_kind_only(kind):
    with pytest.raises(Unread, match=f"^raised {kind.__name__}$"):
        await raises(kind("s3cret")).read(LONG)


async def test_one_that_has_itself_cancelled_ends_nobody_else():
    async def read():
        asyncio.current_task().cancel()
        await asyncio.sleep(0)

    with pytest.raises(Unread, match=r"^was cancelled$"):
        await Reading(read).read(LONG)


async def test_one_that_hangs_is_waited_for_again_and_never_begun_twice():
    begun, free = [], asyncio.Event()

    async def read():
        begun.append(True)
        await free.wait()
        return "at last"

    slow = Reading(read)
    for _ in range(3):
        with pytest.raises(Unread, match=r"^takes longer than 0\.01 s$"):
            await slow.read(SHORT)
    free.set()
    assert (await slow.read(LONG), len(begun)) == ("at last", 1)


async def test_whoever_is_cancelled_takes_the_read_along():
    before, begun = asyncio.all_tasks(), asyncio.Event()

    async def read():
        begun.set()
        await asyncio.Event().wait()

    waiting = asyncio.create_task(Reading(read).read(LONG))
    await begun.wait()
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert asyncio.all_tasks() == before


async def test_one_that_swallows_its_cancellation_is_left_to_itself(monkeypatch):
    monkeypatch.setattr(reading, "CANCEL_SECONDS", SHORT)
    before, begun, free = asyncio.all_tasks(), asyncio.Event(), asyncio.Event()

    async def read():
        while not free.is_set():
            try:
                begun.set()
                await free.wait()
            except asyncio.CancelledError:
                pass

    waiting = asyncio.create_task(Reading(read).read(LONG))
    await begun.wait()
    waiting.cancel()
    async with asyncio.timeout(LONG):
        with pytest.raises(asyncio.CancelledError):
            await waiting
        (left,) = asyncio.all_tasks() - before
        free.set()
        await asyncio.wait([left])
