"""What touches a row that somebody keeps locked is put off; all else is written at once."""

from __future__ import annotations

from contextlib import AsyncExitStack
from functools import partial

import msgspec
import pytest

from caracal_core.builtin.ledger import locked_rows, windows, writing
from caracal_core.builtin.ledger.errors import PutOff
from caracal_core.builtin.ledger.locked_rows import TRIES, LockedRows
from caracal_core.builtin.ledger.settling import End, Settlement
from caracal_core.builtin.ledger.writing import write
from caracal_core.domain import Reservation
from caracal_core.storage.database import open_database
from caracal_core.storage.errors import Locked, Rejected
from caracal_core.testing.fakes import a_charge, usd

from .row_locks import BUDGET, HOLD, KEY, WINDOW


@pytest.fixture(autouse=True)
def looks_each_time(monkeypatch):
    """Nobody waits for the next look."""
    monkeypatch.setattr(locked_rows, "LOOK_SECONDS", 0)


class Books:
    """Writes a batch, and keeps which ids it was given."""

    def __init__(self, database):
        self.database = database
        self.given = []
        self._rows = LockedRows(database)

    async def write(self, reserves, ends):
        return await self._rows.write(reserves, ends, self._write)

    async def _write(self, reserves, ends):
        self.given.append({work.id for work in (*reserves, *ends)})
        return await write(self.database, "owner", reserves, ends)


@pytest.fixture
async def books(postgres_config, balanced_books):
    """Books as a gateway opens them: it waits a second for a lock."""
    async with open_database(postgres_config, exclusive=True) as database:
        for account in ("alice", "bob"):
            await balanced_books.fund(database, account, usd("100"))
        yield Books(database)
        assert await balanced_books.wrong(database) == []


def post(charge):
    return End(charge.id, "reply", usd("0.1"), "held")


async def test_of_a_locked_hold_the_end_waits_and_nothing_else(books, keep, caplog):
    """Not even other ends of the same account; once it is free it ends."""
    held = [a_charge(usd("0.1"), "alice") for _ in range(3)]
    await books.write(held, [])
    stuck, *others = held
    async with keep(HOLD, stuck.id):
        verdicts = await books.write([], [post(charge) for charge in held])
        assert [type(each) for each in verdicts] == [PutOff, Settlement, Settlement]
        assert books.given[-2:] == [{each.id for each in held}, {each.id for each in others}]
        new = a_charge(usd("0.1"), "alice")
        verdicts = await books.write([new], [post(stuck)])
        assert [type(each) for each in verdicts] == [Reservation, PutOff]
        assert books.given[-1] == {new.id}
    (verdict,) = await books.write([], [post(stuck)])
    assert verdict.news == "ended"
    assert f"such as reservations {stuck.id}: " in caplog.text
    assert caplog.records[-1].getMessage() == "no row of the ledger is kept locked any more"


async def test_of_a_locked_window_its_account_waits_and_no_other(books, keep):
    """Reserves, and ends of what was held in it."""
    held = [a_charge(usd("0.1"), name) for name in ("alice", "bob")]
    await books.write(held, [])
    async with keep(WINDOW, "bob"):
        new = [a_charge(usd("0.1"), name) for name in ("alice", "bob")]
        for given in ([*new, *held], [new[0], held[0]]):
            verdicts = await books.write(new, [post(charge) for charge in held])
            assert [isinstance(each, PutOff) for each in verdicts] == [False, True, False, True]
            assert {work.id for work in given} in books.given
        assert len(books.given) == 4
        (verdict,) = await books.write([new[1]], [])
        assert isinstance(verdict, PutOff)
        assert len(books.given) == 4, "nothing was left to write"
    verdicts = await books.write(new, [post(charge) for charge in held])
    assert not any(isinstance(each, PutOff) for each in verdicts)


async def test_of_a_locked_budget_a_window_that_is_not_open_waits(books, keep):
    """The others of its batch are held by then, and those after it do not wait."""
    await books.write([a_charge(usd("0.1"), "alice")], [])
    alice, bob = (a_charge(usd("0.1"), name) for name in ("alice", "bob"))
    async with keep(BUDGET, "bob"):
        held, put_off = await books.write([alice, bob], [])
        assert isinstance(held, Reservation)
        assert isinstance(put_off, PutOff)
        await books.write([bob], [post(alice)])
        assert books.given[1:] == [{alice.id, bob.id}, {alice.id}]
    (held,) = await books.write([bob], [])
    assert isinstance(held, Reservation)
    async with keep(BUDGET, "bob"):
        (ended,) = await books.write([], [post(bob)])
        assert ended.news == "ended", "an open window needs its budget no more"


@pytest.mark.parametrize(
    ("account", "sql", "argument"),
    [("bob", WINDOW, "bob"), ("carol", BUDGET, "carol"), ("bob", HOLD, None), ("bob", KEY, "k")],
)
async def test_a_row_that_another_has_locked_by_then_is_waited_for(
    books, keep, balanced_books, account, sql, argument
):
    """A row that many use is never free: who waits for that would wait for ever."""
    await balanced_books.fund(books.database, "carol", usd("100"))
    first = a_charge(usd("0.1"), "bob", key="k", fingerprint="f" * 64)
    await books.write([first], [])
    ends = [post(first)] if argument is None else []
    news = [] if ends else [a_charge(usd("0.1"), account, key="k", fingerprint="f" * 64)]
    async with keep(sql, argument or first.id):
        assert isinstance((await books.write(news, ends))[0], PutOff)
        assert isinstance((await books.write(news, ends))[0], PutOff)
        assert len(books.given) == 2, "whoever keeps it is not waited for again"
    async with keep(sql, argument or first.id):
        assert isinstance((await books.write(news, ends))[0], PutOff)
        assert len(books.given) == 3
    await books.write(news, ends)


async def test_of_a_locked_key_its_next_attempt_waits(books, keep):
    """The key is its agent's own; others have keys of the same name."""
    mine, theirs = (
        a_charge(usd("0.1"), name, key="k", fingerprint="f" * 64) for name in ("bob", "alice")
    )
    await books.write([mine], [])
    await books.write([], [End(mine.id, "not_sent")])
    again = a_charge(usd("0.1"), "bob", key="k", fingerprint="f" * 64)
    async with keep(KEY, "k"):
        first, second = await books.write([again, theirs], [])
        assert isinstance(first, PutOff)
        assert isinstance(second, Reservation)
    (verdict,) = await books.write([again], [])
    assert verdict.id == mine.id


async def test_one_that_waits_alone_is_put_off_and_not_begun_again(books, keep):
    """Its neighbours to come need not wait to find out why."""
    charge = a_charge(usd("0.1"), "alice")
    await books.write([charge], [])
    async with keep(HOLD, charge.id):
        (verdict,) = await books.write([], [post(charge)])
        assert isinstance(verdict, PutOff)
        assert "another session keeps a row locked" in str(verdict)
        await books.write([], [post(charge)])
    assert books.given == [{charge.id}] * 2


async def test_where_no_row_is_found_the_whole_batch_has_failed(books):
    """Such as for a lock on a table; nothing is known then of any."""
    tries = []

    async def waits(reserves, _ends):
        tries.append(len(reserves))
        raise Locked("storage", "lock timeout")

    charges = [a_charge(usd("0.1"), "alice") for _ in range(2)]
    with pytest.raises(Locked):
        await LockedRows(books.database).write(charges, [], waits)
    assert tries == [2] * TRIES
    (verdict,) = await LockedRows(books.database).write(charges[:1], [], waits)
    assert isinstance(verdict, PutOff)
    assert tries[TRIES:] == [1], "one alone has failed for itself"


async def test_with_nothing_locked_a_batch_is_written_as_it_is(database, give_budget):
    """On either database, and nothing is asked beside it."""
    await give_budget("alice", usd("1"))
    charge = a_charge(usd("0.1"), "alice")
    verdicts = await LockedRows(None).write(
        [charge], [End(charge.id, "not_sent")], partial(write, database, "owner")
    )
    assert [type(each) for each in verdicts] == [Reservation, Settlement]


async def test_what_was_held_before_its_batch_waited_for_a_lock_is_not_put_off(
    books, keep, monkeypatch
):
    """Nothing would be held then, it is taken; in truth it is, and its void is never written."""
    await books.write([a_charge(usd("0.1"), "alice")], [])
    alice, bob = (a_charge(usd("0.1"), name) for name in ("alice", "bob"))
    async with AsyncExitStack() as kept:

        async def open_and_keep(*arguments):
            """Another session locks both accounts, once alice's charge is held."""
            opened = await windows.open_windows(*arguments)
            for name in ("alice", "bob"):
                await kept.enter_async_context(keep(WINDOW, name))
            return opened

        monkeypatch.setattr(writing, "open_windows", open_and_keep)
        held, put_off = await books.write([alice, bob], [])
        assert isinstance(put_off, PutOff)
        rows = await books.database.fetch("SELECT id FROM reservations WHERE id = $1", alice.id)
        assert len(rows) == 1
        assert isinstance(held, Reservation)


async def test_of_works_written_one_by_one_those_before_the_locked_one_are_not_put_off(books, keep):
    """And nothing behind it is written: an end would come before its reserve."""
    await books.write([a_charge(usd("0.1"), name) for name in ("alice", "bob")], [])
    spoiled = msgspec.structs.replace(a_charge(usd("0.1"), "alice"), route="\0")
    alice, bob = (a_charge(usd("0.1"), name) for name in ("alice", "bob"))
    async with keep(WINDOW, "bob"):
        verdicts = await write(
            books.database, "owner", [alice, spoiled, bob], [End(bob.id, "not_sent")]
        )
        kinds = [Reservation, Rejected, PutOff, PutOff]
        assert [type(verdict) for verdict in verdicts] == kinds
        with pytest.raises(Locked):
            await write(books.database, "owner", [bob, spoiled], [])
