"""What is final is sealed once, in order, in bounded batches, by one process at a time."""

from __future__ import annotations

import asyncio

import pytest

from caracal_core.builtin.ledger.sealing.sealer import LOCK, PAGE, Sealer, seal_now
from caracal_core.errors import Failure
from caracal_core.storage.database import open_database
from caracal_core.storage.postgresql import connect


async def numbers(database):
    rows = await database.fetch("SELECT * FROM seals ORDER BY number")
    return [(row["number"], row["first_id"], row["last_id"], row["entries"]) for row in rows]


async def test_everything_is_sealed_once_and_in_bounded_batches(database, enter, seal, verified):
    await enter(25)
    assert await seal(10) == 25
    assert await seal(10) == 0
    assert await numbers(database) == [(1, 1, 10, 10), (2, 11, 20, 10), (3, 21, 25, 5)]
    assert await verified() == (25, 3, 0)


async def test_the_next_seal_goes_on_where_the_last_one_ended(database, enter, seal, verified):
    """Ids that were given out and never used lie in its range."""
    await enter(3)
    await seal()
    with pytest.raises(Failure):
        await enter(1, kind="odd")
    await enter(2)
    assert await verified() == (3, 1, 2)
    await seal()
    assert [row[1] for row in await numbers(database)] == [1, 4]
    assert await verified() == (5, 2, 0)


async def test_a_seal_may_cover_more_than_one_page(enter, seal, verified):
    await enter(PAGE + 1)
    assert await seal(10_000) == PAGE + 1
    assert await verified() == (PAGE + 1, 1, 0)


async def test_an_empty_journal_has_no_seal(database, seal, verified):
    assert await seal() == 0
    assert await numbers(database) == []
    assert await verified() == (0, 0, 0)


async def test_many_at_once_seal_as_one(database, enter, seal, verified):
    await enter(60)
    counts = await asyncio.gather(*(seal(7) for _ in range(8)))
    while await seal(7):
        pass
    assert sum(counts) <= 60
    assert await verified() == (60, 9, 0)


async def test_who_finds_another_sealing_leaves_it_to_that_one(postgres_config):
    """It is tried, not waited for."""
    async with open_database(postgres_config) as database, connect(postgres_config) as other:
        await database.execute(
            """INSERT INTO entries (charge, kind, agent, route, request, currency, held_micro,
            amount_micro, cause, created_at)
            VALUES ('c', 'posted', 'a', 'r', 'q', 'USD', 0, 0, 'reply', 0)"""
        )
        async with asyncio.timeout(10):
            await other.execute("SELECT pg_advisory_lock($1)", LOCK)
            assert await Sealer(database, 10).seal() == 0
            await other.execute("SELECT pg_advisory_unlock($1)", LOCK)
            assert await Sealer(database, 10).seal() == 1


async def test_seals_are_never_changed_or_removed(database, enter, seal):
    await enter(1)
    await seal()
    for statement in ("UPDATE seals SET entries = 2", "DELETE FROM seals"):
        with pytest.raises(Failure):
            await database.execute(statement)


async def test_an_entry_that_is_none_is_never_sealed(intruder, enter, seal, database):
    """Whoever put it there is not helped to have it vouched for."""
    await enter(2)
    if intruder.dialect == "postgresql":
        return  # its columns hold nothing else
    async with intruder.at_work():
        await intruder.execute("UPDATE entries SET agent = x'00' WHERE id = 2")
        await intruder.commit()
        with pytest.raises(Failure, match="tampered"):
            await seal()


async def test_sealing_now_seals_all_that_is_there(enter, database, verified):
    await enter(12)
    assert await seal_now(database, 5, 30) == 0
    assert await verified() == (12, 3, 0)
    assert await seal_now(database, 5, 30) == 0
