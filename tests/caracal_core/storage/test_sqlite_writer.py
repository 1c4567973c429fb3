"""Writers take turns without a timer, and none is lost, or done after it was dropped."""

import asyncio
import threading

import pytest

from caracal_core.errors import Failure
from caracal_core.storage import sqlite_writer
from caracal_core.storage.sqlite_batch import Outcome
from caracal_core.storage.sqlite_connection import connect
from caracal_core.storage.sqlite_writer import Writer

INSERT = "INSERT INTO nonces VALUES ($1, $2, 0, 0)"


def inserts(value):
    async def work(tx):
        await tx.execute(INSERT, "a", value)
        return value

    return work


class Opened:
    """A writer whose statements are written down, and a look at what it committed."""

    def __init__(self, path, wait_seconds=20):
        self._path = path
        self.said = []
        self._connection = connect(path, 20)
        self._connection.set_trace_callback(self.said.append)
        self.writer = Writer(self._connection, wait_seconds)

    @property
    def values(self):
        connection = connect(self._path, 20)
        rows = connection.execute("SELECT value FROM nonces ORDER BY value").fetchall()
        connection.close()
        return [value for (value,) in rows]


@pytest.fixture
async def opened(sqlite_config):
    opened = Opened(sqlite_config.data_dir / "caracal.db")
    yield opened
    await opened.writer.close()


@pytest.fixture
async def impatient(sqlite_config):
    opened = Opened(sqlite_config.data_dir / "caracal.db", 0.05)
    yield opened
    await opened.writer.close()


async def test_a_receipt_comes_after_the_commit(opened):
    done = []
    receipt = opened.writer.do(inserts("a"))
    opened._connection.set_trace_callback(lambda sql: done.append((sql, receipt.done())))
    assert await receipt == "a"
    assert ("COMMIT", False) in done
    assert opened.values == ["a"]


async def test_what_comes_while_others_are_written_shares_a_commit(opened, held):
    receipts = [opened.writer.do(held)]
    await held.begun()
    receipts += [opened.writer.do(inserts(f"{number:02}")) for number in range(50)]
    held.let_go()
    values = ["held", *(f"{number:02}" for number in range(50))]
    assert [await receipt for receipt in receipts] == values
    assert opened.said.count("COMMIT") == 2
    assert opened.values == sorted(values)


async def test_a_batch_is_bounded(opened, held, monkeypatch):
    monkeypatch.setattr(sqlite_writer, "MOST_TOGETHER", 2)
    receipts = [opened.writer.do(held)]
    await held.begun()
    receipts += [opened.writer.do(inserts(value)) for value in "abcde"]
    held.let_go()
    await asyncio.gather(*receipts)
    assert opened.said.count("COMMIT") == 1 + 3


async def test_works_are_done_in_the_order_of_the_calls(opened):
    done = []

    async def note(_tx, number):
        done.append(number)

    def noting(number):
        return lambda tx: note(tx, number)

    await asyncio.gather(*(opened.writer.do(noting(number)) for number in range(600)))
    assert done == list(range(600))


async def test_one_that_is_cancelled_before_its_turn_is_dropped(opened, held):
    first = opened.writer.do(held)
    await held.begun()
    dropped, kept = opened.writer.do(inserts("dropped")), opened.writer.do(inserts("kept"))
    dropped.cancel()
    held.let_go()
    await asyncio.gather(first, kept)
    assert opened.values == ["held", "kept"]


async def test_one_that_is_cancelled_after_it_began_is_carried_out(opened, held):
    first = opened.writer.do(held)
    await held.begun()
    first.cancel()
    held.let_go()
    assert await opened.writer.do(inserts("next")) == "next"
    assert opened.values == ["held", "next"]


async def test_one_that_waits_too_long_fails_and_is_dropped(impatient, held):
    first = impatient.writer.do(held)
    await held.begun()
    late = [impatient.writer.do(inserts(value)) for value in "ab"]
    for receipt in late:
        with pytest.raises(Failure, match=r"no connection in 0\.05 s"):
            await receipt
    held.let_go()
    assert await first == "held"
    assert await impatient.writer.do(inserts("c")) == "c"
    assert impatient.values == ["c", "held"]


async def test_one_timer_serves_all_that_wait(impatient, held):
    """It fails who came first and no other before the time, for which it is set anew."""
    impatient.writer.do(held)
    await held.begun()
    early = impatient.writer.do(inserts("early"))
    impatient.writer._wait_seconds = 3600
    late = impatient.writer.do(inserts("late"))
    with pytest.raises(Failure, match="no connection"):
        await early
    assert not late.done()
    assert impatient.writer._expiry.when() > asyncio.get_running_loop().time()
    held.let_go()
    assert await late == "late"


async def test_closing_does_what_waits_and_takes_no_more(sqlite_config, held):
    opened = Opened(sqlite_config.data_dir / "caracal.db")
    receipts = [opened.writer.do(held)]
    await held.begun()
    receipts += [opened.writer.do(inserts(value)) for value in "abc"]
    closing = asyncio.ensure_future(opened.writer.close())
    await asyncio.sleep(0)
    with pytest.raises(Failure, match="closed"):
        opened.writer.do(inserts("late"))
    held.let_go()
    await closing
    assert [receipt.result() for receipt in receipts] == ["held", *"abc"]
    assert opened.values == [*"abc", "held"]


async def test_a_writer_that_breaks_fails_its_batch_and_goes_on(opened, monkeypatch):
    def broken(_connection, _works):
        raise MemoryError

    with monkeypatch.context() as breaking:
        breaking.setattr(sqlite_writer, "commit_together", broken)
        with pytest.raises(Failure, match="raised MemoryError"):
            await opened.writer.do(inserts("a"))
    assert await opened.writer.do(inserts("b")) == "b"


@pytest.mark.parametrize("raised", [StopIteration, SystemExit, KeyboardInterrupt])
async def test_a_work_that_ends_what_runs_it_fails_alone(opened, raised):
    """Such as a plain callable with a ``next()`` in it that finds nothing."""

    def end(tx):
        raise raised

    receipts = [opened.writer.do(work) for work in (inserts("a"), end, inserts("b"))]
    async with asyncio.timeout(30):
        first, own, last = await asyncio.gather(*receipts, return_exceptions=True)
        assert (first, type(own), last) == ("a", Failure, "b")
        assert await opened.writer.do(inserts("c")) == "c"
    assert opened.values == [*"abc"]


async def test_a_batch_for_which_no_thread_starts_fails_undone_and_the_next_is_done(
    opened, monkeypatch
):
    def refuse(_thread):
        raise RuntimeError("can't start new thread")

    async with asyncio.timeout(30):
        with monkeypatch.context() as breaking:
            breaking.setattr(threading.Thread, "start", refuse)
            receipts = [opened.writer.do(inserts(value)) for value in "ab"]
            lost = await asyncio.gather(*receipts, return_exceptions=True)
        assert [error.internal for error in lost] == ["the writer raised RuntimeError"] * 2
        assert await opened.writer.do(inserts("c")) == "c"
    assert opened.values == ["c"]


@pytest.mark.parametrize("outcomes", [[], [Outcome("a"), Outcome(error=StopIteration())]])
async def test_whatever_comes_back_everybody_is_answered_and_the_next_is_done(
    opened, monkeypatch, outcomes
):
    """The loop is told of it, as of anything that breaks in a callback."""
    told = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: told.append(context))
    async with asyncio.timeout(30):
        with monkeypatch.context() as breaking:
            breaking.setattr(sqlite_writer, "commit_together", lambda *_: outcomes)
            receipts = [opened.writer.do(inserts(value)) for value in "abc"]
            answers = await asyncio.gather(*receipts, return_exceptions=True)
        assert "the outcome was lost" in {getattr(each, "internal", None) for each in answers}
        assert await opened.writer.do(inserts("d")) == "d"
    assert opened.values == ["d"]
    assert len(told) == 1
