"""Lifespans open in order and close in reverse, whatever one of them does."""

import asyncio
import gc
from contextlib import asynccontextmanager

import msgspec
import pytest

from caracal_core.assembly import lifecycle
from caracal_core.assembly.furnishing import Furnishing
from caracal_core.assembly.lifecycle import close_lives, open_lives
from caracal_core.errors import Misconfigured
from caracal_core.plugin import Config, Plugin
from caracal_core.testing.fakes import TrivialFileReader, deny


@pytest.fixture
def journal():
    return []


@pytest.fixture
def living(journal):
    """Make a furnishing that notes its opening and closing, and may break in either."""

    def make(name, *, opening=None, closing=None):
        @asynccontextmanager
        async def span():
            journal.append(f"open {name}")
            if opening:
                await opening()
            yield
            journal.append(f"close {name}")
            if closing:
                await closing()

        return Furnishing(name, False, Plugin(Config()), span)

    return make


async def breaks():
    raise RuntimeError("oh")


async def hangs():
    await asyncio.Future()


async def test_they_open_in_order_and_close_in_reverse(living, journal):
    await close_lives(await open_lives([living("a"), living("b")]))
    assert journal == ["open a", "open b", "close b", "close a"]


async def test_if_one_cannot_open_those_before_it_are_closed(living, journal):
    with pytest.raises(Misconfigured, match="plugin b: opening raised RuntimeError: oh"):
        await open_lives([living("a"), living("b", opening=breaks), living("c")])
    assert journal == ["open a", "open b", "close a"]


@pytest.mark.parametrize("error", [SystemExit, asyncio.CancelledError, KeyboardInterrupt])
async def test_not_even_an_exit_while_opening_ends_the_process(living, error):
    async def opening():
        raise error

    with pytest.raises(Misconfigured, match=f"opening raised {error.__name__}"):
        await open_lives([living("b", opening=opening)])


async def test_not_even_an_exit_while_closing_ends_the_process(living, journal):
    async def closing():
        raise SystemExit

    await close_lives(await open_lives([living("a"), living("b", closing=closing)]))
    assert journal[-1] == "close a"


async def test_a_plugins_own_misconfigured_is_passed_on(living):
    own = Misconfigured("b.key_file", "does not exist", "Mount it.")

    async def opening():
        raise own

    with pytest.raises(Misconfigured) as refusal:
        await open_lives([living("b", opening=opening)])
    assert refusal.value is own


async def test_one_that_hangs_while_opening_is_given_up(living, monkeypatch):
    monkeypatch.setattr(lifecycle, "OPEN_SECONDS", 0.01)
    monkeypatch.setattr(lifecycle, "CLOSE_SECONDS", 0.01)
    with pytest.raises(Misconfigured, match="took longer"):
        await open_lives([living("a", opening=hangs)])


async def test_one_that_is_given_up_while_opening_is_cancelled_at_once(living, monkeypatch, caplog):
    """It is not waited for, as one that closes is."""
    monkeypatch.setattr(lifecycle, "OPEN_SECONDS", 0.01)
    before = asyncio.all_tasks()
    with pytest.raises(Misconfigured, match="took longer"):
        await open_lives([living("a", opening=hangs)])
    assert (asyncio.all_tasks(), caplog.messages) == (before, [])


async def test_one_that_breaks_or_hangs_while_closing_does_not_stop_the_others(
    living, journal, monkeypatch, caplog
):
    monkeypatch.setattr(lifecycle, "CLOSE_SECONDS", 0.01)
    before = asyncio.all_tasks()
    lives = await open_lives([living("a"), living("b", closing=breaks), living("c", closing=hangs)])
    await close_lives(lives)
    assert journal[3:] == ["close c", "close b", "close a"]
    assert caplog.messages == [
        "plugin c: closing took too long",
        "plugin c: closing raised CancelledError",
        "plugin b: closing raised RuntimeError",
    ]
    assert asyncio.all_tasks() == before, "what hung was cancelled, and has ended"


async def test_what_hung_has_ended_when_closing_is_over(living, monkeypatch):
    """What it still holds would otherwise be used after the store was closed."""
    monkeypatch.setattr(lifecycle, "CLOSE_SECONDS", 0.01)
    before = asyncio.all_tasks()
    await close_lives(await open_lives([living("a", closing=hangs)]))
    assert asyncio.all_tasks() == before


async def test_one_that_cannot_be_cancelled_is_left_behind(living, journal, monkeypatch):
    monkeypatch.setattr(lifecycle, "CLOSE_SECONDS", 0.01)
    go = asyncio.Event()

    async def stubborn():
        while not go.is_set():
            try:
                await go.wait()
            except asyncio.CancelledError:
                continue

    lives = await open_lives([living("a"), living("b", closing=stubborn)])
    async with asyncio.timeout(10):
        await close_lives(lives)
    assert journal[2:] == ["close b", "close a"]
    go.set()


async def test_whoever_is_cancelled_while_opening_closes_what_is_open(living, journal, caplog):
    """Also where the plugin that was to open next breaks afterwards: nobody waits for it."""
    entered, go = asyncio.Event(), asyncio.Event()

    async def breaks_later():
        entered.set()
        await go.wait()
        raise RuntimeError

    opening = asyncio.create_task(open_lives([living("a"), living("b", opening=breaks_later)]))
    await entered.wait()
    opening.cancel()
    await asyncio.sleep(0)
    go.set()
    await asyncio.wait([opening])
    assert opening.cancelled()
    assert journal == ["open a", "open b", "close a"]
    del opening
    gc.collect()
    assert caplog.messages == []


async def test_it_is_entered_and_left_by_the_same_task():
    tasks = []

    @asynccontextmanager
    async def span():
        tasks.append(asyncio.current_task())
        yield
        tasks.append(asyncio.current_task())

    await close_lives(await open_lives([Furnishing("a", False, Plugin(Config()), span)]))
    assert tasks[0] is tasks[1]


async def test_nothing_is_opened_before_every_file_was_read(living, journal):
    reader = TrivialFileReader(deny, journal)
    unreadable = msgspec.structs.replace(living("b"), files=(reader,))
    with pytest.raises(Misconfigured, match=r"test\.file"):
        await open_lives([living("a"), unreadable])
    assert journal == ["read"]
