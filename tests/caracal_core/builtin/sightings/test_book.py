"""Whoever was let in is counted, in bounded memory, and kept until the store took it."""

import asyncio

import pytest

from caracal_core.builtin.sightings import book as module
from caracal_core.builtin.sightings.book import SightingsBook
from caracal_core.domain import Exchange
from caracal_core.errors import Failure
from caracal_core.ports import Observer
from caracal_core.storage.dialect import NOW
from caracal_core.storage.sightings import DAY_SECONDS, LONGEST, Seen, since
from caracal_core.testing.fakes.services import FakeCounter


def exchange(agent="anna", at=0.0, **fields):
    fields = {"shown": ("bearer_jws",), "proved": ("jwt",)} | fields
    return Exchange("id", at, 0.1, "127.0.0.1", "GET", "/", agent=agent, **fields)


@pytest.fixture
def lost():
    return FakeCounter()


class Ailing:
    """A database that fails for as long as it is told to, after what was asked or before."""

    def __init__(self, database):
        self._database, self.dialect = database, database.dialect
        self.down = False

    async def execute(self, sql, *arguments):
        if self.down:
            raise Failure("storage", "down")
        return await self._database.execute(sql, *arguments)


@pytest.fixture
def ailing(database):
    return Ailing(database)


@pytest.fixture
def book(ailing, lost):
    return SightingsBook(ailing, lost)


@pytest.fixture
async def now(database):
    ((row),) = await database.fetch(f"SELECT {NOW[database.dialect]} AS now")
    return float(row["now"])


def test_it_is_an_observer(lost):
    assert isinstance(SightingsBook(None, lost), Observer)


async def test_what_an_agent_showed_and_what_proved_it_is_counted(book, database, now):
    trial = {"trial_proved": ("mtls",), "trial_refused": ("api_key",)}
    for fields in ({}, {}, trial):
        await book.observe(exchange(at=now, **fields))
    await book.write()
    await book.observe(exchange(at=now))
    await book.write()
    day = int(now // DAY_SECONDS)
    plain = Seen("anna", day, ("bearer_jws",), ("jwt",))
    tried = Seen("anna", day, ("bearer_jws",), ("jwt",), ("mtls",), ("api_key",))
    assert dict(await since(database, 1)) == {plain: 3, tried: 1}


async def test_who_was_not_let_in_is_not_seen(book, database):
    await book.observe(exchange(agent=None, proved=()))
    await book.write()
    assert await since(database, 100_000) == []


async def test_what_cannot_be_written_is_kept_and_written_once(book, ailing, database, now, lost):
    await book.observe(exchange(at=now))
    ailing.down = True
    for _ in range(3):
        with pytest.raises(Failure):
            await book.write()
        await book.observe(exchange(at=now))
    ailing.down = False
    await book.write()
    await book.write()
    assert [count for _, count in await since(database, 1)] == [4]
    assert lost.value == 0


async def test_many_are_written_in_batches_and_a_broken_one_keeps_what_follows(
    book, ailing, database, now, monkeypatch
):
    monkeypatch.setattr(module, "BATCH", 3)
    written = []

    async def add(_database, counts):
        if len(written) == 2:
            raise Failure("storage", "down")
        written.append(len(counts))

    for number in range(10):
        await book.observe(exchange(agent=f"agent-{number}", at=now))
    with monkeypatch.context() as patched:
        patched.setattr(module, "add", add)
        with pytest.raises(Failure):
            await book.write()
    await book.write()
    assert written == [3, 3]
    assert len(await since(database, 1)) == 4


async def test_memory_is_bounded_whatever_the_store_does(book, ailing, lost, monkeypatch):
    monkeypatch.setattr(module, "MOST", 5)
    for number in range(8):
        await book.observe(exchange(agent=f"agent-{number}"))
    await book.observe(exchange(agent="agent-1"))
    assert (len(book._counts), lost.value) == (5, 3)
    ailing.down = True
    writing = asyncio.ensure_future(book.write())
    await asyncio.gather(writing, return_exceptions=True)
    assert (len(book._counts), lost.value) == (5, 3)


async def test_what_comes_while_a_writing_fails_is_bounded_too(book, lost, monkeypatch):
    monkeypatch.setattr(module, "MOST", 2)

    async def add(_database, _counts):
        await book.observe(exchange(agent="late-1"))
        await book.observe(exchange(agent="anna"))
        raise Failure("storage", "down")

    monkeypatch.setattr(module, "add", add)
    for agent in ("anna", "anna", "ben"):
        await book.observe(exchange(agent=agent))
    with pytest.raises(Failure):
        await book.write()
    assert {key[0]: count for key, count in book._counts.items()} == {"late-1": 1, "anna": 3}
    assert lost.value == 1


async def test_words_that_do_not_fit_are_lost_alone(book, database, now, lost):
    """One such row would keep every other from being written."""
    await book.observe(exchange(at=now, shown=("x" * (LONGEST + 1),)))
    await book.observe(exchange(at=now))
    await book.write()
    assert lost.value == 1
    assert [count for _, count in await since(database, 1)] == [1]


@pytest.mark.parametrize("done", [True, False])
async def test_a_writer_that_is_cancelled_knows_whether_its_batch_was_written(
    book, now, monkeypatch, done
):
    """Else the next writer would count it twice, or nobody."""
    begun, going_on = asyncio.Event(), asyncio.Event()

    async def add(_database, _counts):
        begun.set()
        await going_on.wait()
        if not done:
            raise Failure("storage", "down")

    monkeypatch.setattr(module, "add", add)
    await book.observe(exchange(at=now))
    writing = asyncio.ensure_future(book.write())
    await begun.wait()
    writing.cancel()
    going_on.set()
    with pytest.raises(asyncio.CancelledError):
        await writing
    assert list(book._counts.values()) == ([] if done else [1])


async def test_a_writer_that_is_cancelled_does_not_wait_for_ever(book, now, monkeypatch):
    async def add(_database, _counts):
        await asyncio.Event().wait()

    monkeypatch.setattr(module, "add", add)
    monkeypatch.setattr(module, "END_SECONDS", 0.01)
    await book.observe(exchange(at=now))
    writing = asyncio.ensure_future(book.write())
    await asyncio.sleep(0)
    writing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await writing
    assert list(book._counts.values()) == [1]
