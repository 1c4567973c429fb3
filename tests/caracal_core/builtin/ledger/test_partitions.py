"""Each month has its partition ahead of time; what came too early moves over, unchanged."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from datetime import UTC, datetime

import pytest

from caracal_core.builtin.ledger.partitions import has_strays, make_ahead
from caracal_core.builtin.ledger.settling import End
from caracal_core.builtin.ledger.writing import reserve, settle
from caracal_core.errors import Failure
from caracal_core.storage.database import open_database
from caracal_core.testing.fakes import a_charge, usd

LATE = datetime(2040, 12, 31, 23, 59, 59, tzinfo=UTC).timestamp()


async def test_missing_months_are_made_once(database):
    """This one and the next ones, over the end of a year; SQLite needs none."""
    expected = ["entries_2040_12", "entries_2041_01"] if database.dialect == "postgresql" else []
    assert await make_ahead(database, 1, LATE) == expected
    assert await make_ahead(database, 1, LATE) == []
    assert not await has_strays(database)


async def test_of_many_that_make_them_at_once_each_names_what_it_made(postgres_config):
    """However they race, no partition is named by two, or by nobody."""
    async with AsyncExitStack() as stack:
        opened = [await stack.enter_async_context(open_database(postgres_config)) for _ in range(4)]
        made = await asyncio.gather(*(make_ahead(each, 11, LATE) for each in opened))
    names = [name for each in made for name in each]
    assert len(names) == len(set(names)) == 12


async def test_entries_that_had_no_partition_move_over(postgres_config, balanced_books):
    """With their ids; later ones go to their own month at once."""
    async with open_database(postgres_config) as database:
        await balanced_books.fund(database, "alice", usd("1"))
        for at in (LATE, LATE + 1):
            charge = a_charge(usd("0.1"), "alice")
            await reserve(database, charge, "own", at)
            await settle(database, End(charge.id, "reply", usd("0.1"), "held"), at)
        before = await database.fetch("SELECT * FROM entries ORDER BY id")
        assert len(before) == 2
        assert await has_strays(database)
        await make_ahead(database, 0, LATE)
        assert await has_strays(database)
        assert len(await database.fetch("SELECT * FROM entries_2040_12")) == 1
        await make_ahead(database, 1, LATE)
        assert not await has_strays(database)
        assert await database.fetch("SELECT * FROM entries ORDER BY id") == before
        for table in ("entries_default", "entries_2041_01"):
            with pytest.raises(Failure, match="never changed"):
                await database.execute(f"TRUNCATE {table}")
        assert await balanced_books.wrong(database) == []


async def test_beside_charges_only_so_many_move(postgres_config, balanced_books):
    """Of whatever months; a month that has some then goes on in the default partition, and the next
    ones are made."""
    async with open_database(postgres_config) as database:
        await balanced_books.fund(database, "alice", usd("1"))
        for at in (LATE, LATE + 1, LATE + 1):
            charge = a_charge(usd("0.1"), "alice")
            await reserve(database, charge, "own", at)
            await settle(database, End(charge.id, "reply", usd("0.1"), "held"), at)
        before = await database.fetch("SELECT * FROM entries_default ORDER BY id")
        assert await make_ahead(database, 2, LATE, most=2) == ["entries_2041_02"]
        assert await database.fetch("SELECT * FROM entries_default ORDER BY id") == before
        assert await make_ahead(database, 0, LATE, most=3) == ["entries_2040_12"]
        assert await make_ahead(database, 1, LATE, most=2) == ["entries_2041_01"]
        assert not await has_strays(database)
        assert await database.fetch("SELECT * FROM entries ORDER BY id") == before
