"""A batch on PostgreSQL is one statement, which locks first and decides on what it waited for."""

from __future__ import annotations

import asyncio

import msgspec

from caracal_core.builtin.ledger.postgresql_write import write_postgresql
from caracal_core.builtin.ledger.settling import End
from caracal_core.builtin.ledger.writing import reserve, write
from caracal_core.domain import Reservation
from caracal_core.errors import BudgetExceeded
from caracal_core.storage.database import open_database
from caracal_core.testing.fakes import a_charge, usd


class Counted:
    """Counts the statements."""

    def __init__(self, database):
        self._database, self.count = database, 0

    async def fetch(self, sql, *arguments):
        self.count += 1
        return await self._database.fetch(sql, *arguments)


async def test_a_batch_is_one_statement(postgres_config, balanced_books):
    """Holds, refusals, posts and voids together."""
    async with open_database(postgres_config) as database:
        await balanced_books.fund(database, "alice", usd("1"))
        first = a_charge(usd("0.5"), "alice")
        await reserve(database, first, "own")
        counted = Counted(database)
        charges = [a_charge(usd("0.4"), "alice") for _ in range(3)]
        verdicts = await write_postgresql(
            counted, "own", charges, [End(first.id, "reply", usd("0.7"), "metered")], None
        )
        assert counted.count == 1
        assert [type(v) for v in verdicts[:3]] == [Reservation, BudgetExceeded, BudgetExceeded]
        assert verdicts[3].overrun


async def test_it_locks_first_and_decides_second(postgres_config, balanced_books):
    """A hold that waits behind another's transaction sees what that one took."""
    async with open_database(postgres_config) as one, open_database(postgres_config) as other:
        await balanced_books.fund(one, "alice", usd("1"))
        await reserve(one, a_charge(usd("0"), "alice"), "own")

        async def take_the_last(tx):
            await tx.execute("UPDATE budget_windows SET held_micro = 1000000")
            waiting = asyncio.ensure_future(write(other, "own", [a_charge(usd("1"), "alice")], []))
            done, _ = await asyncio.wait([waiting], timeout=0.3)
            assert not done
            return waiting

        (verdict,) = await (await one.transact(take_the_last))
        assert isinstance(verdict, BudgetExceeded)


async def test_a_path_without_accounts_leaves_the_windows_of_its_neighbours(
    postgres_config, balanced_books
):
    """What is found for the paths of a batch stays in their order, also where there is nothing."""
    async with open_database(postgres_config) as database:
        await balanced_books.fund(database, "alice", usd("1"))
        await balanced_books.fund(database, "bob", usd("2"))
        nobody = msgspec.structs.replace(a_charge(usd("1"), "alice"), accounts=())
        charges = [nobody, a_charge(usd("1"), "alice"), a_charge(usd("2"), "bob")]
        verdicts = await write(database, "own", charges, [])
        assert [type(v) for v in verdicts] == [BudgetExceeded, Reservation, Reservation]
        assert await balanced_books.wrong(database) == []
