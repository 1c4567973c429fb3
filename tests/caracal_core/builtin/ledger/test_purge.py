"""What ended a day ago is forgotten; the journal, the open holds and younger keys stay."""

from __future__ import annotations

import asyncio

from caracal_core.builtin.ledger import purge as module
from caracal_core.builtin.ledger.purge import purge
from caracal_core.builtin.ledger.settling import End
from caracal_core.builtin.ledger.writing import reserve, write
from caracal_core.storage.database import open_database
from caracal_core.testing.fakes import a_charge, usd

START = 1_795_400_000.0
DAY = 86_400.0


async def test_keys_and_reservations_are_kept_for_a_day(database, give_budget, counts):
    """After their end, whatever their age; the windows and the journal do not change."""
    await give_budget("alice", usd("10"))
    old, late, pending = (
        a_charge(usd("0.1"), "alice", key=name, fingerprint="f" * 64) for name in "abc"
    )
    await write(database, "own", [old, late, pending], [], START)
    await write(database, "own", [], [End(old.id, "reply", usd("0.1"), "held")], START + 1)
    await write(database, "own", [], [End(late.id, "reply", usd("0.1"), "held")], START + 100)
    before = await counts("alice")
    assert await purge(database, at=START + DAY) == (0, 0)
    assert await purge(database, at=START + DAY + 50) == (1, 1)
    assert await purge(database, at=START + DAY + 200) == (1, 1)
    assert await purge(database, at=START + 30 * DAY) == (0, 0)
    rows = await database.fetch("SELECT r.id, k.key FROM reservations r, idempotency_keys k")
    assert [tuple(row.values()) for row in rows] == [(pending.id, "c")]
    assert len(await database.fetch("SELECT id FROM entries")) == 2
    assert await counts("alice") == before
    again = a_charge(usd("0.1"), "alice", key="a", fingerprint="e" * 64)
    assert (await reserve(database, again, "own")).id == again.id


async def test_many_are_forgotten_in_pieces(database, give_budget, monkeypatch):
    """The whole table is gone through, a piece at a time."""
    monkeypatch.setattr(module, "PIECE", {"postgresql": 1, "sqlite": 7})
    monkeypatch.setattr(module, "KEYS_AT_ONCE", 3)
    await give_budget("alice", usd("10"))
    charges = [a_charge(usd("0.01"), "alice", key=f"k{n}", fingerprint="f" * 64) for n in range(50)]
    await write(database, "own", charges, [End(c.id, "not_sent") for c in charges], START)
    assert await purge(database, at=START + DAY + 1) == (50, 50)


async def test_nobody_is_waited_for(postgres_config, balanced_books):
    """A batch locks in its own order: one that waited for the purge, and it for that one, would end
    in a deadlock, or in a purge that is given up for an hour."""
    async with open_database(postgres_config) as database, open_database(postgres_config) as other:
        await balanced_books.fund(database, "alice", usd("10"))
        charges = [a_charge(usd("0.1"), "alice", key=n, fingerprint="f" * 64) for n in "abc"]
        await write(database, "own", charges, [End(c.id, "not_sent") for c in charges], START)

        async def purge_meanwhile(tx):
            await tx.fetch("SELECT key FROM idempotency_keys WHERE key = 'a' FOR UPDATE")
            await tx.fetch("SELECT id FROM reservations WHERE id = $1 FOR UPDATE", charges[1].id)
            async with asyncio.timeout(10):
                return await purge(database, at=START + DAY + 1)

        assert await other.transact(purge_meanwhile) == (2, 2)
        assert await purge(database, at=START + DAY + 1) == (1, 1)
