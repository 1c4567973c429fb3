"""Steps keep the rows: up always, down where the older schema can hold them, else they refuse."""

from __future__ import annotations

import pytest

from caracal_core.builtin.ledger.budgets import set_budget
from caracal_core.builtin.ledger.settling import End
from caracal_core.builtin.ledger.writing import reserve, settle
from caracal_core.errors import Failure
from caracal_core.storage import accounts
from caracal_core.storage.database import open_database
from caracal_core.storage.history import shipped
from caracal_core.storage.migrate import down, up
from caracal_core.storage.migrations import CORE
from caracal_core.testing.fakes import a_charge, usd

LEDGER = f"{CORE.app}/4_ledger_in_batches"
START = 1_700_000_000.0


async def before_the_ledger(config):
    """Go down until the step is undone; return what was undone."""
    undone = []
    while not undone or undone[-1] != LEDGER:
        undone.append(await down(config))
    return undone[::-1]


async def rows(database, columns, table):
    found = await database.fetch(f"SELECT {columns} FROM {table} ORDER BY id")  # noqa: S608 - ours
    return [tuple(row.values()) for row in found]


async def seen(config):
    """Read what both schemas hold."""
    async with open_database(config) as database:
        return (
            await rows(database, "id, agent, state, posted_micro, created_at", "reservations"),
            await rows(database, "id, charge, kind, amount_micro, cause, created_at", "entries"),
            await rows(database, "id, spent_micro, held_micro", "budget_windows"),
        )


@pytest.fixture
async def written(storage_config):
    """A hold, a post, a void with an adjustment, over two months."""
    async with open_database(storage_config) as database:
        await accounts.register(database, "alice")
        await set_budget(database, "alice", usd("10"), "total")
        charges = [a_charge(usd("0.1"), "alice") for _ in range(3)]
        for month, charge in enumerate(charges):
            await reserve(database, charge, "own", START + month * 2_700_000)
        await settle(database, End(charges[0].id, "reply", usd("0.1"), "held"), START + 5)
        await settle(database, End(charges[1].id, "cut"), START + 2_700_000)
        await settle(database, End(charges[1].id, "reply", usd("0.3"), "held"), START + 2_700_001)
    return charges


async def test_down_and_up_again_keeps_every_row(storage_config, written):
    """And the ledger goes on where it was: ids, holds, adjustments."""
    before = await seen(storage_config)
    undone = await before_the_ledger(storage_config)
    assert await seen(storage_config) == before
    assert await up(storage_config) == undone
    assert await seen(storage_config) == before
    async with open_database(storage_config) as database:
        late = End(written[1].id, "reply", usd("0.9"), "held")
        assert (await settle(database, late)).news == "repeated"
        assert (
            await settle(database, End(written[2].id, "reply", usd("0.1"), "held"))
        ).news == "ended"
        assert (await rows(database, "id", "entries"))[-1] > before[1][-1][:1]
        assert await rows(database, "spent_micro, held_micro", "budget_windows") == [(500_000, 0)]


@pytest.mark.parametrize("lost", ["key", "basis", "price", "attempts"])
async def test_down_refuses_what_the_older_schema_cannot_hold(storage_config, written, lost):
    """It says what, and changes nothing."""
    terms = {
        "key": {"key": "k", "fingerprint": "f" * 64},
        "basis": {},
        "price": {"price": "llm@1"},
        "attempts": {},
    }
    said = {
        "key": "idempotency_keys has rows",
        "basis": "prices or bases|prices, bases",
        "price": "prices, bases",
        "attempts": "several endings",
    }
    charge = a_charge(usd("0.1"), "alice", **terms[lost])
    async with open_database(storage_config) as database:
        await reserve(database, charge, "own")
        if lost == "basis":
            await settle(database, End(charge.id, "reply", usd("0.1"), "metered"))
        if lost == "attempts":
            for _ in range(2):
                await database.execute(
                    """INSERT INTO entries (charge, kind, agent, route, request, currency,
                    held_micro, amount_micro, cause, created_at)
                    VALUES ('c', 'voided', 'a', '', '', 'USD', 1, 0, 'cut', 0)"""
                )
    before = await seen(storage_config)
    with pytest.raises(Failure, match=said[lost]):
        await before_the_ledger(storage_config)
    assert await seen(storage_config) == before


@pytest.mark.parametrize(
    ("steps", "table", "insert"),
    [
        (
            len(shipped(CORE.directory)) - 3,
            "sightings",
            "INSERT INTO sightings VALUES ('a', 1, '', '', '', '', 1)",
        ),
        (
            len(shipped(CORE.directory)) - 2,
            "revocations",
            """INSERT INTO revocations (agent, issued_before, reason, created_at)
            VALUES ('a', 1, '', 1)""",
        ),
        (
            len(shipped(CORE.directory)) - 1,
            "reservations",
            """INSERT INTO reservations (id, agent, accounts, route, request, currency, orphan,
            amount_micro, owner, windows, created_at, expires_at)
            VALUES ('1', '', '[]', '', '', 'USD', 'post', 0, '', '[]', 0, 0)""",
        ),
        (len(shipped(CORE.directory)), "nonces", "INSERT INTO nonces VALUES ('a', 'b', 0, 0)"),
    ],
)
async def test_older_steps_refuse_to_lose_rows(storage_config, steps, table, insert):
    """Empty they go down; the rows stay and can still be read."""
    for _ in range(steps - 1):
        await down(storage_config)
    async with open_database(storage_config) as database:
        await database.execute(insert)
    with pytest.raises(Failure, match=f"{table} has rows, which would be lost"):
        await down(storage_config)
    async with open_database(storage_config) as database:
        assert len(await database.fetch(f"SELECT * FROM {table}")) == 1  # noqa: S608 - ours
        await database.execute(f"DELETE FROM {table}")  # noqa: S608 - ours
    assert await down(storage_config) is not None
