"""Partitions are made and the past is forgotten; what the role may not do is said, not fatal."""

from __future__ import annotations

import logging

from caracal_core.builtin.ledger import housekeeping
from caracal_core.builtin.ledger.housekeeping import Housekeeping
from caracal_core.builtin.ledger.settling import End
from caracal_core.builtin.ledger.writing import write
from caracal_core.storage.database import open_database
from caracal_core.testing.fakes import FakeMetrics, a_charge, usd

LOG = logging.getLogger("test.housekeeping")


async def test_it_purges_and_counts(database, give_budget):
    await give_budget("alice", usd("1"))
    charge = a_charge(usd("0.1"), "alice")
    await write(database, "own", [charge], [End(charge.id, "not_sent")], 1_000_000_000.0)
    await Housekeeping(database, FakeMetrics(), LOG).keep()
    assert await database.fetch("SELECT id FROM reservations") == []


async def test_a_role_that_does_not_own_the_tables_only_warns(
    postgresql, postgres_config, balanced_books, caplog
):
    """Which partitions somebody else made are used all the same."""
    async with open_database(postgres_config) as database:
        await balanced_books.fund(database, "alice", usd("1"))
        names = await database.fetch("SELECT tablename FROM pg_tables WHERE tablename ~ '_20'")
        (*_, last) = sorted(row["tablename"] for row in names)
        await database.execute(f"DROP TABLE {last}")
        postgresql.sql(
            "ALTER TABLE entries OWNER TO postgres",
            f"GRANT SELECT, INSERT ON entries, entries_default TO {postgres_config.user}",
            database=postgres_config.name,
        )
        await Housekeeping(database, FakeMetrics(), LOG).keep()
        assert "caracal ledger partitions" in caplog.text
        charge = a_charge(usd("0.1"), "alice")
        await write(database, "own", [charge], [End(charge.id, "not_sent")])
        assert len(await database.fetch("SELECT id FROM entries")) == 1


async def test_what_would_keep_charges_waiting_is_left_to_the_operator(
    postgres_config, balanced_books, caplog, monkeypatch
):
    """Few entries of a missing month move over; many stay where they are, and it says so."""
    async with open_database(postgres_config) as database:
        await balanced_books.fund(database, "alice", usd("1"))
        names = await database.fetch("SELECT tablename FROM pg_tables WHERE tablename ~ '_20'")
        for row in names:
            await database.execute(f"DROP TABLE {row['tablename']}")
        charge = a_charge(usd("0.1"), "alice")
        await write(database, "own", [charge], [End(charge.id, "not_sent")])
        chores = Housekeeping(database, FakeMetrics(), LOG)
        monkeypatch.setattr(housekeeping, "MOVED_BESIDE_CHARGES", 0)
        await chores.keep()
        assert "`caracal ledger partitions` moves them" in caplog.text
        assert len(await database.fetch("SELECT id FROM entries_default")) == 1
        monkeypatch.undo()
        await chores.keep()
        assert await database.fetch("SELECT id FROM entries_default") == []
        assert len(await database.fetch("SELECT id FROM entries")) == 1
