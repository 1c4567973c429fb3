"""A file is followed: changes taken up, faults told once, and the last good state kept."""

import asyncio
import logging
from contextlib import suppress

import pytest

from caracal_core import following as following_module
from caracal_core.errors import Misconfigured
from caracal_core.following import Follower, following
from caracal_core.testing.fakes.services import FakeCounter

LOG = logging.getLogger("caracal.test.following")
BAD = Misconfigured("a.key", "/file holds no key", "Give one.")


class Reader:
    """Gives what the test put there, in turn; the last of it again and again."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.looked = asyncio.Event()

    async def read(self):
        self.looked.set()
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, BaseException):
            raise answer
        return answer


@pytest.fixture
def follow():
    def follow(*answers, seconds=0.0):
        taken_up, refused = FakeCounter(), FakeCounter()
        reader = Reader(*answers)
        follower = Follower("key in /file", reader, LOG, taken_up, refused, seconds)
        return follower, reader, lambda: (taken_up.value, refused.value)

    return follow


async def test_what_did_not_change_is_not_told(follow, caplog):
    follower, _, counts = follow(False)
    with caplog.at_level(logging.INFO):
        await follower.look()
    assert (counts(), caplog.messages, follower.broken) == ((0, 0), [], False)


async def test_a_change_is_told_and_counted(follow, caplog):
    follower, _, counts = follow(True, False)
    with caplog.at_level(logging.INFO):
        await follower.look()
        await follower.look()
    assert counts() == (1, 0)
    assert caplog.messages == ["key in /file: what is there now is in force"]


async def test_a_fault_is_told_once_until_it_is_mended_or_another_one(follow, caplog):
    other = Misconfigured("a.key", "/file cannot be read", "Mount it.")
    follower, _, counts = follow(BAD, BAD, other, False, BAD, True)
    for _ in range(3):
        await follower.look()
    assert (counts(), follower.broken) == ((0, 2), True)
    assert f"what was in force stays: {BAD}" in caplog.messages[0]
    await follower.look()
    assert (counts(), follower.broken) == ((0, 2), False)
    await follower.look()
    assert counts() == (0, 3)
    await follower.look()
    assert (counts(), follower.broken) == ((1, 3), False)


@pytest.mark.parametrize("kind", [KeyError, asyncio.CancelledError, SystemExit, GeneratorExit])
async def test_whatever_reading_raises_it_is_followed_on_and_not_repeated(follow, caplog, kind):
    """Else what surprises a library would stop every later rotation, and tell nobody."""
    follower, _, counts = follow(kind("s3cret"), True)
    await follower.look()
    assert follower.broken
    assert kind.__name__ in caplog.text
    assert "s3cret" not in caplog.text
    await follower.look()
    assert (counts(), follower.broken) == ((1, 1), False)


async def test_they_are_followed_while_the_block_runs_and_one_that_hangs_holds_up_no_other(follow):
    hanging, stuck, _ = follow(False)
    stuck.read = asyncio.Event().wait
    follower, reader, _ = follow(False)

    async def fail():
        async with following([hanging, follower]), asyncio.timeout(10):
            for _ in range(3):
                reader.looked.clear()
                await reader.looked.wait()
            raise ZeroDivisionError

    before = asyncio.all_tasks()
    with pytest.raises(ZeroDivisionError):
        await fail()
    assert asyncio.all_tasks() == before


async def test_a_read_that_hangs_is_a_fault_told_once_and_waited_for_by_the_next_look(
    follow, caplog, monkeypatch
):
    """Whose mount hangs is told like one whose file is broken, and leaves one thread in it."""
    follower, reader, counts = follow(True)
    begun, mended = 0, asyncio.Event()
    read = reader.read

    async def hang():
        nonlocal begun
        begun += 1
        await mended.wait()
        return await read()

    reader.read = hang
    monkeypatch.setattr(following_module, "READ_SECONDS", 0.01)
    for _ in range(3):
        await follower.look()
    assert (counts(), follower.broken, begun) == ((0, 1), True, 1)
    assert "Reading the key in /file takes longer than 0.01 s." in caplog.text
    mended.set()
    monkeypatch.setattr(following_module, "READ_SECONDS", 20)
    await follower.look()
    assert (counts(), follower.broken, begun) == ((1, 1), False, 1)


async def test_one_that_does_not_end_is_left_to_itself(follow, monkeypatch):
    monkeypatch.setattr(following_module, "END_SECONDS", 0.01)
    follower, _, _ = follow(False)
    free = asyncio.Event()

    async def run():
        while not free.is_set():
            with suppress(asyncio.CancelledError):
                await free.wait()

    follower.run = run
    before = asyncio.all_tasks()
    async with asyncio.timeout(20):
        async with following([follower]):
            await asyncio.sleep(0)
        (left,) = asyncio.all_tasks() - before
        free.set()
        await asyncio.wait([left])


async def test_nothing_to_follow_is_followed_too():
    async with following([]):
        pass
