"""The database itself keeps the journal as it was written, and the counters within bounds."""

from __future__ import annotations

import pytest

from caracal_core.builtin.ledger.settling import End
from caracal_core.builtin.ledger.writing import reserve, settle
from caracal_core.errors import Failure
from caracal_core.storage.database import open_database
from caracal_core.storage.errors import ConstraintViolated
from caracal_core.testing.fakes import a_charge, usd

ENTRY = """
INSERT INTO entries (charge, kind, agent, route, request, currency, held_micro, amount_micro,
                     cause, created_at)
VALUES ($1, $2, 'a', 'r', 'q', 'USD', $3, $4, 'reply', 0)
"""


@pytest.fixture
async def posted(database, give_budget):
    """A charge of 0.25 USD, posted, and another of 0.5 USD, held."""
    await give_budget("alice", usd("1"))
    charge = a_charge(usd("0.25"), "alice")
    await reserve(database, charge, "owner")
    await settle(database, End(charge.id, "reply", usd("0.25")))
    await reserve(database, a_charge(usd("0.5"), "alice"), "owner")
    return charge


@pytest.mark.parametrize(
    "tampering",
    [
        "UPDATE entries SET amount_micro = 0",
        "UPDATE entries SET created_at = 0",
        "DELETE FROM entries",
    ],
)
async def test_entries_are_never_changed_or_removed(database, posted, tampering):
    with pytest.raises(Failure):
        await database.execute(tampering)
    (row,) = await database.fetch("SELECT amount_micro FROM entries")
    assert row["amount_micro"] == 250_000


async def test_the_journal_and_each_of_its_partitions_cannot_be_emptied(postgres_config):
    """TRUNCATE asks no row; a partition can be named by itself."""
    async with open_database(postgres_config) as database:
        rows = await database.fetch("SELECT tablename FROM pg_tables WHERE tablename ~ '^entries'")
        tables = [row["tablename"] for row in rows]
        assert len(tables) == 5
        for table in tables:
            with pytest.raises(Failure, match="never changed"):
                await database.execute(f"TRUNCATE {table}")


@pytest.mark.parametrize(
    ("kind", "held", "amount"),
    [("voided", 1, 1), ("adjustment", 1, 1), ("posted", -1, 1), ("posted", 1, -1), ("spent", 1, 1)],
)
async def test_an_entry_that_makes_no_sense_is_refused(database, kind, held, amount):
    with pytest.raises(ConstraintViolated):
        await database.execute(ENTRY, "x", kind, held, amount)


@pytest.mark.parametrize(
    "change",
    [
        "held_micro = held_micro + 250001",
        "spent_micro = spent_micro + 250001",
        "limit_micro = limit_micro - 250001",
        "held_micro = -1",
        "spent_micro = -1",
        "excess_micro = -1",
        "limit_micro = -1",
        "spent_micro = 9223372036854775807, excess_micro = 9223372036854775807",
    ],
)
async def test_a_window_out_of_bounds_is_refused(database, posted, change):
    """Spent and held stay within limit and excess, and their sum can be counted."""
    with pytest.raises(Failure):
        await database.execute(f"UPDATE budget_windows SET {change}")  # noqa: S608 - parameters
    await database.execute("UPDATE budget_windows SET held_micro = held_micro + 250000")


@pytest.mark.parametrize(
    "change",
    [
        "state = 'posted'",
        "state = 'posted', ended_at = 1",
        "state = 'lost', ended_at = 1, cause = 'reply'",
        "state = 'voided', ended_at = 1, cause = 'reply', posted_micro = 1",
        "posted_micro = 1",
        "amount_micro = -1",
    ],
)
async def test_a_reservation_that_makes_no_sense_is_refused(database, posted, change):
    """What is pending has no end, what has ended says when and why."""
    with pytest.raises(ConstraintViolated):
        await database.execute(
            f"UPDATE reservations SET {change} WHERE state = 'pending'"  # noqa: S608 - parameters
        )
