"""Seals are handed on in their order, in groups, from anywhere in the chain."""

from __future__ import annotations

from caracal_core.builtin.ledger.sealing import seals, walk
from caracal_core.builtin.ledger.sealing.walk import in_groups


async def numbers(database, before=None):
    return [
        ([head.number for head in group], fault and fault.seal)
        async for group, fault in in_groups(database, before)
    ]


async def test_groups_have_about_so_many_entries(database, enter, seal, monkeypatch):
    """Through any number of pages, and from behind any seal."""
    monkeypatch.setattr(walk, "_HEADS", 2)
    monkeypatch.setattr(walk, "MOST_ENTRIES", 6)
    assert await numbers(database) == []
    await enter(10)
    await seal(2)
    assert await numbers(database) == [([1, 2, 3], None), ([4, 5], None)]
    second = await seals.before(database, 5)
    assert second.number == 2
    assert await numbers(database, second) == [([3, 4, 5], None)]


async def test_what_comes_before_a_fault_is_handed_on_with_it(database, enter, seal, intruder):
    await enter(6)
    await seal(2)
    async with intruder.at_work():
        await intruder.execute("DELETE FROM seals WHERE number = 2")
        assert await numbers(intruder) == [([1], 2)]
