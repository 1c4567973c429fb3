"""Those who pay read what was spent, entry by entry or summed up, to the micro-unit."""

from __future__ import annotations

import pytest

from caracal_core.builtin.ledger import entries
from caracal_core.builtin.ledger.entries import Entry, every, query
from caracal_core.builtin.ledger.selection import Selection
from caracal_core.storage.accounts import AccountError
from caracal_core.testing.fakes import usd

MIDNIGHT = 1_795_392_000.0
"""2026-11-23T00:00:00Z."""


async def test_an_entry_says_what_was_held_and_what_it_did_cost(database, spend):
    charge = await spend("alice", "1.5")
    assert await query(database, limit=10) == [
        Entry(
            id=1,
            created_at=MIDNIGHT,
            charge=charge.id,
            kind="posted",
            agent="alice",
            route="chat",
            request=charge.request,
            held=usd("1"),
            amount=usd("1.5"),
            cause="reply",
        )
    ]


async def test_entries_are_the_latest_first_and_may_be_narrowed_down(database, spend):
    """By agent, route, charge, instants (the first included, the last not), and number."""
    first = await spend("alice", "1", MIDNIGHT - 1)
    second = await spend("bob", None, MIDNIGHT, "search")
    third = await spend("alice", "1", MIDNIGHT + 1, "search")

    async def found(**chosen):
        limit = chosen.pop("limit", 10)
        latest = await query(database, Selection(**chosen), limit=limit)
        return [[first.id, second.id, third.id].index(entry.charge) for entry in latest]

    assert await found() == [2, 1, 0]
    assert await found(limit=2) == [2, 1]
    assert await found(agent="alice") == [2, 0]
    assert await found(route="search") == [2, 1]
    assert await found(agent="bob", route="chat") == []
    assert await found(since=MIDNIGHT) == [2, 1]
    assert await found(until=MIDNIGHT) == [0]
    assert await found(charge=second.id) == [1]
    assert await found(charge=second.id, agent="alice") == []
    assert await found(request=third.request) == [2]
    assert await found(request="another") == []
    assert await found(since=MIDNIGHT, until=MIDNIGHT + 1) == [1]


async def test_a_subtree_is_an_account_and_all_below_it(database, spend, give_budget):
    """However deep; a name that nobody has is told."""
    for name, parent in (("team", None), ("carol", "team"), ("dora", "carol")):
        await give_budget(name, usd("100"), parent=parent)
    for agent in ("alice", "carol", "dora"):
        await spend(agent, "1")

    async def agents(under):
        latest = await query(database, Selection(under=under), limit=10)
        return [entry.agent for entry in latest]

    assert await agents("team") == ["dora", "carol"]
    assert await agents("dora") == ["dora"]
    assert await agents("bob") == []
    with pytest.raises(AccountError, match="nobody"):
        await agents("nobody")


async def test_all_entries_are_read_page_by_page_the_earliest_first(database, spend, monkeypatch):
    """Those that are entered meanwhile are not waited for, so that it has an end."""
    monkeypatch.setattr(entries, "PAGE", 2)
    charges = [await spend("alice", "1") for _ in range(5)]
    pages = []
    async for page in every(database, Selection(agent="alice")):
        pages.append([entry.charge for entry in page])
        await spend("alice", "1")
    ids = [charge.id for charge in charges]
    assert pages == [ids[:2], ids[2:4], ids[4:]]
