"""Each reservation ends once; the first ending stands, and no money is lost sight of."""

from __future__ import annotations

import asyncio

import pytest

from caracal_core.builtin.ledger.errors import Conflict
from caracal_core.builtin.ledger.expiry import resolve
from caracal_core.builtin.ledger.settling import NO_CURRENCY, End, Settlement
from caracal_core.builtin.ledger.writing import reserve, settle
from caracal_core.domain import Money, Receipt
from caracal_core.domain.money import LARGEST
from caracal_core.errors import BudgetExceeded
from caracal_core.testing.fakes import a_charge, usd

NIGHT = 1_795_391_999.0
"""One second before a midnight in UTC."""


@pytest.fixture
async def hold(database, give_budget):
    """Hold an amount for alice, in a budget of 1 USD."""
    await give_budget("alice", usd("1"))

    async def hold(amount="0.4", at=None, **terms):
        charge = a_charge(usd(amount), "alice", **terms)
        await reserve(database, charge, "owner", at)
        return charge

    return hold


@pytest.fixture
async def entries(database):
    async def read(charge):
        rows = await database.fetch(
            """SELECT kind, held_micro, amount_micro, currency, cause FROM entries
            WHERE charge = $1 ORDER BY id""",
            charge.id,
        )
        return [tuple(row.values()) for row in rows]

    return read


@pytest.mark.parametrize(
    ("amount", "overrun", "left"),
    [
        ("0", False, 1_000_000),
        ("0.3", False, 700_000),
        ("0.4", False, 600_000),
        ("0.9", True, 100_000),
    ],
)
async def test_a_post_books_what_it_did_cost(
    database, hold, entries, counts, balanced, amount, overrun, left
):
    """Below, at and above the hold; above it, it is flagged."""
    charge = await hold()
    settlement = await settle(database, End(charge.id, "reply", usd(amount)))
    assert settlement == Settlement(
        Receipt(charge.id, "posted", usd(amount), "reply"), "ended", overrun
    )
    ((spent, held, excess),) = await counts("alice")
    assert (1_000_000 - spent, held, excess) == (left, 0, 0)
    assert await entries(charge) == [("posted", 400_000, usd(amount).micro, "USD", "reply")]
    assert await balanced()


async def test_an_overrun_past_the_limit_raises_the_excess(database, hold, counts, balanced):
    """It is booked in full, and the next hold, even of nothing, finds no room."""
    charge = await hold()
    other = await hold("0.6")
    await settle(database, End(charge.id, "reply", usd("1.5")))
    assert await counts("alice") == [(1_500_000, 600_000, 1_100_000)]
    with pytest.raises(BudgetExceeded) as caught:
        await hold("0")
    assert caught.value.available == usd("0")
    await settle(database, End(other.id, "not_sent"))
    assert await counts("alice") == [(1_500_000, 0, 1_100_000)]
    assert await balanced()


async def test_a_void_gives_everything_back(database, hold, entries, counts, balanced):
    """And says so in the journal."""
    charge = await hold()
    settlement = await settle(database, End(charge.id, "not_sent"))
    assert settlement == Settlement(Receipt(charge.id, "voided", usd("0"), "not_sent"), "ended")
    assert await counts("alice") == [(0, 0, 0)]
    assert await entries(charge) == [("voided", 400_000, 0, "USD", "not_sent")]
    assert await balanced()


async def test_a_void_has_no_basis(database, hold):
    """Whatever its end said of an amount that it does not have."""
    charge = await hold()
    await settle(database, End(charge.id, "cut", None, "held"))
    (row,) = await database.fetch("SELECT basis FROM reservations")
    assert row["basis"] == ""


@pytest.mark.parametrize("again", [None, "0.4", "0.2", "0.9"])
async def test_after_a_post_nothing_changes(database, hold, entries, counts, again):
    """Whatever the owner says next, the receipt is the first one's."""
    charge = await hold()
    first = await settle(database, End(charge.id, "reply", usd("0.4")))
    end = End(charge.id, "cut", usd(again) if again else None)
    assert await settle(database, end) == Settlement(first.receipt, "repeated")
    assert await counts("alice") == [(400_000, 0, 0)]
    assert len(await entries(charge)) == 1


async def test_a_repeated_void_changes_nothing(database, hold, entries, counts):
    """The cause is the first one's too."""
    charge = await hold()
    first = await settle(database, End(charge.id, "not_sent"))
    assert await settle(database, End(charge.id, "cut")) == Settlement(first.receipt, "repeated")
    assert await counts("alice") == [(0, 0, 0)]
    assert len(await entries(charge)) == 1


async def test_money_spent_after_a_void_is_adjusted_for_once(
    database, hold, entries, counts, balanced
):
    """The void stands; the budget knows better, past its limit if need be."""
    charge = await hold()
    first = await settle(database, End(charge.id, "client_gone"))
    late = End(charge.id, "reply", usd("1.3"))
    assert await settle(database, late) == Settlement(first.receipt, "adjusted")
    assert await settle(database, late) == Settlement(first.receipt, "repeated")
    assert await counts("alice") == [(1_300_000, 0, 300_000)]
    assert await entries(charge) == [
        ("voided", 400_000, 0, "USD", "client_gone"),
        ("adjustment", 0, 1_300_000, "USD", "adjustment"),
    ]
    assert await balanced()


@pytest.mark.parametrize(
    ("orphan", "cost", "news", "spent"),
    [
        ("void", "0.3", "adjusted", 300_000),
        ("post", "0.4", "repeated", 400_000),
        ("post", "0.3", "repeated", 400_000),
        ("post", "0.7", "adjusted", 700_000),
    ],
)
async def test_a_post_after_the_expiry_adjusts_for_what_is_missing(
    database, hold, counts, balanced, orphan, cost, news, spent
):
    """The reaper booked nothing, or the held amount; what was really spent is at least booked."""
    charge = await hold(expire_seconds=0, orphan=orphan)
    (resolved,) = await resolve(database, "reaper", 10, 3600)
    settlement = await settle(database, End(charge.id, "reply", usd(cost)))
    assert (settlement.receipt.state, settlement.news) == (resolved.state, news)
    assert await counts("alice") == [(spent, 0, 0)]
    assert await balanced()


async def test_a_post_moves_the_windows_of_its_hold(database, give_budget, counts, balanced):
    """A call over midnight is paid by the day on which it was held."""
    await give_budget("alice", usd("1"), period="day")
    charge, other = a_charge(usd("0.4"), "alice"), a_charge(usd("0.5"), "alice")
    await reserve(database, charge, "owner", NIGHT)
    await reserve(database, other, "owner", NIGHT + 1)
    await settle(database, End(charge.id, "reply", usd("0.3")), NIGHT + 2)
    assert await counts("alice") == [(300_000, 0, 0), (0, 500_000, 0)]
    assert await balanced()


async def test_a_void_of_an_unknown_id_is_remembered(database, hold, entries, counts):
    """The reserve that it overtook fails, whenever it comes."""
    charge = a_charge(usd("0.4"), "alice")
    await hold("0.1")
    settlement = await settle(database, End(charge.id, "not_sent"))
    voided = Receipt(charge.id, "voided", Money(0, NO_CURRENCY), "not_sent")
    assert settlement == Settlement(voided, "unknown")
    with pytest.raises(Conflict):
        await reserve(database, charge, "owner")
    assert await counts("alice") == [(0, 100_000, 0)]
    assert await entries(charge) == []


async def test_a_post_of_an_unknown_id_is_entered_once(database, entries, balanced):
    """A failover may have lost the hold; the money was spent all the same."""
    charge = a_charge(usd("0.4"), "alice")
    end = End(charge.id, "reply", usd("0.4"))
    receipt = Receipt(charge.id, "posted", usd("0.4"), "reply")
    assert await settle(database, end) == Settlement(receipt, "unknown")
    assert await settle(database, end) == Settlement(receipt, "repeated")
    assert await entries(charge) == [("posted", 0, 400_000, "USD", "reply")]
    assert await balanced()


async def test_a_post_after_a_remembered_void_is_entered_too(database, entries):
    """In the currency of the post, since the void had none."""
    await settle(database, End("lost", "not_sent"))
    settlement = await settle(database, End("lost", "reply", usd("0.4")))
    assert (settlement.receipt.state, settlement.news) == ("voided", "adjusted")
    rows = await database.fetch("SELECT kind, amount_micro, currency FROM entries")
    assert [tuple(row.values()) for row in rows] == [("adjustment", 400_000, "USD")]


@pytest.mark.parametrize("voided_before", [False, True])
async def test_a_cost_in_another_currency_books_the_hold(
    database, hold, entries, counts, balanced, voided_before
):
    """Nobody converts; what was held is the most that is known."""
    charge = await hold()
    if voided_before:
        await settle(database, End(charge.id, "client_gone"))
    await settle(database, End(charge.id, "reply", Money.parse("7", "EUR")))
    assert await counts("alice") == [(400_000, 0, 0)]
    assert (await entries(charge))[-1][2:4] == (400_000, "USD")
    assert await balanced()


async def test_counters_that_are_full_stay_full(database, hold, entries, counts):
    """Nothing wraps around; the entries have the whole amounts."""
    largest = Money(LARGEST, "USD")
    first, second, third = await hold("0.1"), await hold("0.2"), await hold("0.3")
    await settle(database, End(first.id, "reply", largest))
    assert await counts("alice") == [(LARGEST - 500_000, 500_000, LARGEST - 1_000_000)]
    await settle(database, End(second.id, "reply", largest))
    await settle(database, End(third.id, "not_sent"))
    assert await counts("alice") == [(LARGEST - 300_000, 0, LARGEST - 1_000_000)]
    assert [(await entries(charge))[0][2] for charge in (first, second)] == [LARGEST, LARGEST]
    await settle(database, End(third.id, "reply", largest))
    assert (await counts("alice"))[0][0] == LARGEST


async def test_of_many_endings_at_once_one_stands(database, hold, counts, balanced):
    """Post and void race; everybody gets the same receipt, and the books agree with it."""
    for _ in range(10):
        charge = await hold("0.05")
        ends = [End(charge.id, "reply", usd("0.05")), End(charge.id, "not_sent")] * 4
        settlements = await asyncio.gather(*(settle(database, end) for end in ends))
        assert len({settlement.receipt for settlement in settlements}) == 1
        assert [s.news for s in settlements].count("ended") == 1
    assert await balanced()


async def test_a_void_that_races_its_reserve_leaves_nothing_held(database, hold, counts, balanced):
    """Whichever comes first: the reserve fails, or the void ends it."""
    await hold("0.1")
    for _ in range(20):
        charge = a_charge(usd("0.4"), "alice")
        await asyncio.gather(
            reserve(database, charge, "owner"),
            settle(database, End(charge.id, "not_sent")),
            return_exceptions=True,
        )
        assert (await settle(database, End(charge.id, "not_sent"))).receipt.state == "voided"
    assert await counts("alice") == [(0, 100_000, 0)]
    assert await balanced()
