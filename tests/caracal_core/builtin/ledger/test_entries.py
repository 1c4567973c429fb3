"""Those who pay read what was spent, entry by entry or summed up, to the micro-unit."""

from __future__ import annotations

import msgspec
import pytest

from caracal_core.builtin.ledger.entries import Entry, Sum, query, summary
from caracal_core.builtin.ledger.settling import End
from caracal_core.builtin.ledger.writing import reserve, settle
from caracal_core.domain import Money
from caracal_core.domain.money import LARGEST
from caracal_core.testing.fakes import a_charge, usd

MIDNIGHT = 1_795_392_000.0
"""2026-11-23T00:00:00Z."""


@pytest.fixture
async def spend(database, give_budget):
    """Hold and post (None voids, False leaves it pending) for an agent."""
    for account in ("alice", "bob"):
        await give_budget(account, usd("100"))
        await give_budget(account, Money.parse("100", "EUR"))

    async def spend(agent, cost, at=MIDNIGHT, route="chat", currency="USD", held="1"):
        charge = msgspec.structs.replace(a_charge(Money.parse(held, currency), agent), route=route)
        await reserve(database, charge, "owner", at)
        if cost is not False:
            amount = None if cost is None else Money.parse(cost, currency)
            await settle(database, End(charge.id, "reply", amount), at)
        return charge

    return spend


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
    """By agent, route, instants (the first included, the last not), and number."""
    first = await spend("alice", "1", MIDNIGHT - 1)
    second = await spend("bob", None, MIDNIGHT, "search")
    third = await spend("alice", "1", MIDNIGHT + 1, "search")

    async def found(**chosen):
        entries = await query(database, **{"limit": 10, **chosen})
        return [[first.id, second.id, third.id].index(entry.charge) for entry in entries]

    assert await found() == [2, 1, 0]
    assert await found(limit=2) == [2, 1]
    assert await found(agent="alice") == [2, 0]
    assert await found(route="search") == [2, 1]
    assert await found(agent="bob", route="chat") == []
    assert await found(since=MIDNIGHT) == [2, 1]
    assert await found(until=MIDNIGHT) == [0]
    assert await found(since=MIDNIGHT, until=MIDNIGHT + 1) == [1]


async def test_sums_are_by_agent_and_currency(database, spend):
    """Calls are what was posted; adjustments add money, not calls; open holds stand apart."""
    await spend("alice", "0.25")
    await spend("alice", "0.000001")
    voided = await spend("alice", None)
    await settle(database, End(voided.id, "reply", usd("0.5")))
    await spend("alice", False, held="2.5")
    await spend("alice", "3", currency="EUR")
    await spend("bob", None)
    assert await summary(database, "agent", limit=10) == [
        Sum("alice", "EUR", 1, 0, Money.parse("3", "EUR"), Money.parse("0", "EUR")),
        Sum("alice", "USD", 2, 1, usd("0.750001"), usd("2.5")),
        Sum("bob", "USD", 0, 1, usd("0"), usd("0")),
    ]
    assert len(await summary(database, "agent", limit=2)) == 2


async def test_sums_by_route_and_by_day(database, spend):
    """Days are in UTC."""
    await spend("alice", "1", MIDNIGHT - 0.5, "search")
    await spend("bob", "2", MIDNIGHT, "chat")
    await spend("bob", False, MIDNIGHT + 86_399, "chat", held="3")

    async def sums(by, **chosen):
        found = await summary(database, by, limit=10, **chosen)
        return [(each.name, each.posted.decimal, each.held.decimal) for each in found]

    assert await sums("route") == [("chat", "2", "3"), ("search", "1", "0")]
    assert await sums("day") == [("2026-11-22", "1", "0"), ("2026-11-23", "2", "3")]
    assert await sums("day", since=MIDNIGHT) == [("2026-11-23", "2", "3")]
    assert await sums("day", until=MIDNIGHT) == [("2026-11-22", "1", "0")]


async def test_sums_of_the_largest_amounts_do_not_overflow(database, spend, give_budget):
    """They are exact up to what an amount can be, and stop there."""
    await give_budget("alice", Money(LARGEST, "USD"))
    half = Money(LARGEST // 2, "USD").decimal
    for _ in range(2):
        await spend("alice", half)
    (exact,) = await summary(database, "agent", limit=10)
    assert exact.posted == Money(LARGEST - 1, "USD")
    await spend("bob", half)
    await spend("alice", "1", held="0.000001")
    found = {each.name: each.posted for each in await summary(database, "agent", limit=10)}
    assert found == {"alice": Money(LARGEST, "USD"), "bob": Money(LARGEST // 2, "USD")}
