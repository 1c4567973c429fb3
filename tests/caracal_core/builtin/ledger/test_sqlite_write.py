"""What a batch on SQLite reads and writes does not grow with its works."""

from caracal_core.builtin.ledger.settling import End
from caracal_core.builtin.ledger.sqlite_write import write_sqlite
from caracal_core.builtin.ledger.writing import write
from caracal_core.storage.database import open_database
from caracal_core.testing.fakes import a_charge, usd


class Counted:
    """Counts the statements of a transaction."""

    def __init__(self, tx):
        self._tx, self.count = tx, 0

    async def fetch(self, sql, *arguments):
        self.count += 1
        return await self._tx.fetch(sql, *arguments)

    async def execute(self, sql, *arguments):
        self.count += 1
        return await self._tx.execute(sql, *arguments)


async def test_a_batch_is_a_few_statements(sqlite_config, balanced_books):
    """However many works it has."""
    async with open_database(sqlite_config) as database:
        await balanced_books.fund(database, "alice", usd("100"))
        held = [a_charge(usd("0.1"), "alice") for _ in range(50)]
        await write(database, "own", held, [])
        ends = [End(charge.id, "reply", usd("0.1"), "held") for charge in held]
        new = [a_charge(usd("0.1"), "alice") for _ in range(50)]

        async def batch(tx):
            counted = Counted(tx)
            await write_sqlite(counted, "own", new, ends, None)
            return counted.count

        assert await database.transact(batch) <= 7
        assert await balanced_books.wrong(database) == []
