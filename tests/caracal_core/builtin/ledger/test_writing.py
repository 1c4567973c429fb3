"""Holds are exact: they fit every window of every level, or nothing is held; and once."""

from __future__ import annotations

import asyncio
import random

import msgspec
import pytest

from caracal_core.builtin.ledger.errors import Conflict
from caracal_core.builtin.ledger.settling import End
from caracal_core.builtin.ledger.writing import reserve, settle
from caracal_core.domain import Money, Reservation
from caracal_core.domain.money import LARGEST
from caracal_core.errors import BudgetExceeded, Failure
from caracal_core.storage.database import open_database
from caracal_core.testing.fakes import a_charge, usd


async def test_the_expiry_is_counted_from_the_instant_of_the_hold(database, give_budget):
    """By the database's clock, or the instant that was given."""
    await give_budget("alice", usd("1"))
    charge = a_charge(usd("0.1"), "alice", expire_seconds=300)
    reservation = await reserve(database, charge, "owner", 1000.5)
    assert reservation == Reservation(charge.id, usd("0.1"), 1300.5)


@pytest.mark.parametrize("short", ["hour", "day", "week", "month", "total"])
async def test_a_hold_must_fit_each_window_of_each_level(
    database, give_budget, counts, balanced, short
):
    """Where one is short, the others stay as they were."""
    periods = ["hour", "day", "week", "month", "total"]
    for period in periods:
        await give_budget("alice", usd("1"), period=period)
        await give_budget("team", usd("0.5" if period == short else "1"), period=period)
    with pytest.raises(BudgetExceeded) as caught:
        await reserve(database, a_charge(usd("0.6"), "alice", "team"), "owner")
    assert (caught.value.account, caught.value.window) == ("team", short)
    assert set(await counts("alice") + await counts("team")) == {(0, 0, 0)}
    await reserve(database, a_charge(usd("0.5"), "alice", "team"), "owner")
    assert set(await counts("alice") + await counts("team")) == {(0, 500_000, 0)}
    assert await balanced()


async def test_a_repeated_reserve_finds_the_hold_though_the_budget_is_full(
    database, give_budget, counts
):
    """It took the last unit itself."""
    await give_budget("alice", usd("1"))
    charge = a_charge(usd("1"), "alice")
    first = await reserve(database, charge, "owner")
    assert await reserve(database, charge, "owner") == first
    assert await counts("alice") == [(0, 1_000_000, 0)]


async def test_a_repeated_reserve_finds_the_hold_where_there_is_room_for_another(
    database, give_budget, counts
):
    """And does not hold twice."""
    await give_budget("alice", usd("1"))
    charge = a_charge(usd("0.1"), "alice")
    first = await reserve(database, charge, "owner")
    again = await asyncio.gather(*(reserve(database, charge, "owner") for _ in range(8)))
    assert set(again) == {first}
    assert await counts("alice") == [(0, 100_000, 0)]


@pytest.mark.parametrize(
    "changes",
    [
        {"amount": usd("0.2")},
        {"amount": Money.parse("0.1", "EUR")},
        {"agent": "bob"},
        {"accounts": ("alice", "team")},
        {"route": "other"},
        {"request": "other"},
        {"orphan": "void"},
    ],
    ids=lambda changes: next(iter(changes)),
)
async def test_another_charge_under_the_same_id_is_a_conflict(
    database, give_budget, counts, changes
):
    """An id says which charge it is, in all of its terms."""
    for account in ("alice", "team"):
        await give_budget(account, usd("1"))
        await give_budget(account, Money.parse("1", "EUR"))
    charge = a_charge(usd("0.1"), "alice")
    await reserve(database, charge, "owner")
    with pytest.raises(Conflict, match="another charge"):
        await reserve(database, msgspec.structs.replace(charge, **changes), "owner")
    assert sum(held for _, held, _ in await counts("alice")) == 100_000


async def test_an_ended_charge_is_a_conflict(database, give_budget, counts):
    """Nothing is held again under its id."""
    await give_budget("alice", usd("1"))
    charge = a_charge(usd("0.1"), "alice")
    await reserve(database, charge, "owner")
    await settle(database, End(charge.id, "not_sent"))
    with pytest.raises(Conflict, match="voided"):
        await reserve(database, charge, "owner")
    assert await counts("alice") == [(0, 0, 0)]


async def test_limits_may_be_as_large_as_amounts(database, give_budget, balanced):
    """The largest hold fits once; sums past 2**63 are refused, not wrapped around."""
    largest = Money(LARGEST, "USD")
    await give_budget("alice", largest)
    await reserve(database, a_charge(usd("1"), "alice"), "owner")
    with pytest.raises(BudgetExceeded) as caught:
        await reserve(database, a_charge(largest, "alice"), "owner")
    assert caught.value.available == Money(LARGEST - 1_000_000, "USD")
    await reserve(database, a_charge(caught.value.available, "alice"), "owner")
    assert await balanced()


async def test_nothing_costs_nothing_but_needs_a_budget(database, give_budget):
    """A hold of zero fits a full window, and no window at all is still a refusal."""
    await give_budget("alice", usd("0"))
    await reserve(database, a_charge(usd("0"), "alice"), "owner")
    with pytest.raises(BudgetExceeded):
        await reserve(database, a_charge(usd("0"), "bob"), "owner")


async def test_one_of_fifty_gets_the_last_unit_across_two_gateways(postgres_config, balanced_books):
    """Two pools of connections, as of two processes; 49 are refused, none fails."""
    async with open_database(postgres_config) as one, open_database(postgres_config) as other:
        for number in range(3):
            await balanced_books.fund(one, f"agent-{number}", usd("0.25"))
            charges = [a_charge(usd("0.25"), f"agent-{number}") for _ in range(50)]
            answers = await asyncio.gather(
                *(reserve((one, other)[n % 2], c, "owner") for n, c in enumerate(charges)),
                return_exceptions=True,
            )
            kinds = [type(answer) for answer in answers]
            assert kinds.count(Reservation) == 1
            assert kinds.count(BudgetExceeded) == 49
        assert await balanced_books.wrong(one) == []


async def test_a_mixed_load_of_two_gateways_keeps_the_books(postgres_config, balanced_books):
    """Holds, posts above and below them, and voids on shared accounts near their limits."""
    dice = random.Random(7)
    paths = [("a", "team"), ("b", "team"), ("c", "team", "org"), ("team", "org"), ("a", "b", "c")]
    async with open_database(postgres_config) as one, open_database(postgres_config) as other:
        for account in ("a", "b", "c", "team", "org"):
            for period in ("hour", "day"):
                await balanced_books.fund(one, account, usd("5"), period=period)

        async def live(database, path):
            charge = a_charge(usd(f"0.{dice.randrange(1, 99):02}"), *path)
            try:
                await reserve(database, charge, "owner")
            except BudgetExceeded:
                return "refused"
            micro = dice.choice([0, charge.amount.micro // 2, charge.amount.micro * 2])
            end = End(charge.id, "reply", Money(micro, "USD") if micro else None)
            return (await settle(database, end)).news

        async def work(database):
            return [await live(database, dice.choice(paths)) for _ in range(40)]

        async with asyncio.timeout(60):
            news = await asyncio.gather(*(work(d) for d in (one, other) * 4))
        assert {each for some in news for each in some} == {"ended", "refused"}
        assert await balanced_books.wrong(one) == []


async def test_a_store_that_is_gone_is_a_failure(database, give_budget):
    """And never a hold."""
    await give_budget("alice", usd("1"))
    await database.execute("ALTER TABLE reservations RENAME TO gone")
    with pytest.raises(Failure):
        await reserve(database, a_charge(usd("0.1"), "alice"), "owner")
