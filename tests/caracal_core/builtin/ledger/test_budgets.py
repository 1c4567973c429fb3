"""Limits can be set, changed at any time, listed as they stand, and removed."""

from __future__ import annotations

import asyncio

import pytest

from caracal_core.builtin.ledger.budgets import Budget, budgets, remove_budget, set_budget
from caracal_core.builtin.ledger.errors import LedgerError
from caracal_core.builtin.ledger.settling import End
from caracal_core.builtin.ledger.windows import open_windows
from caracal_core.builtin.ledger.writing import reserve, settle
from caracal_core.domain import Money
from caracal_core.errors import BudgetExceeded
from caracal_core.storage import accounts
from caracal_core.storage.accounts import AccountError
from caracal_core.storage.database import open_database
from caracal_core.testing.fakes import a_charge, usd

NIGHT = 1_795_391_999.0


@pytest.fixture
async def alice(database):
    await accounts.register(database, "alice")


async def spend(database, amount, at=None):
    charge = a_charge(usd(amount), "alice")
    await reserve(database, charge, "owner", at)
    await settle(database, End(charge.id, "reply", usd(amount)), at)


async def test_a_budget_is_listed_with_its_current_window(database, alice):
    """Untouched, it has all of its limit; afterwards what is neither spent nor held."""
    await set_budget(database, "alice", usd("1"), "day")
    (budget,) = await budgets(database, "alice", limit=10)
    assert budget == Budget("alice", "day", usd("1"), usd("0"), usd("0"))
    await spend(database, "0.25")
    await reserve(database, a_charge(usd("0.5"), "alice"), "owner")
    (budget,) = await budgets(database, limit=10)
    assert budget == Budget("alice", "day", usd("1"), usd("0.25"), usd("0.5"))
    assert budget.available == usd("0.25")


async def test_yesterdays_window_is_not_todays(database, alice):
    """The listing shows the window of the moment."""
    await set_budget(database, "alice", usd("1"), "day", NIGHT)
    await spend(database, "1", NIGHT)
    (then,) = await budgets(database, limit=10, at=NIGHT)
    (now,) = await budgets(database, limit=10, at=NIGHT + 1)
    assert (then.available, now.available) == (usd("0"), usd("1"))


async def test_a_raised_limit_counts_at_once(database, alice, balanced):
    """In the window that is running."""
    await set_budget(database, "alice", usd("1"), "day")
    await spend(database, "1")
    await set_budget(database, "alice", usd("1.5"), "day")
    await spend(database, "0.5")
    with pytest.raises(BudgetExceeded):
        await spend(database, "0.000001")
    assert await balanced()


async def test_a_limit_below_what_is_spent_and_held_stops_all_holds(
    database, alice, balanced, counts
):
    """What was promised stays; the excess says by how much it passes the new limit."""
    await set_budget(database, "alice", usd("1"), "day")
    charge = a_charge(usd("0.3"), "alice")
    await reserve(database, charge, "owner")
    await spend(database, "0.5")
    await set_budget(database, "alice", usd("0.2"), "day")
    assert await counts("alice") == [(500_000, 300_000, 600_000)]
    with pytest.raises(BudgetExceeded):
        await spend(database, "0")
    await settle(database, End(charge.id, "reply", usd("0.3")))
    (budget,) = await budgets(database, limit=10)
    assert budget.available == usd("0")
    await set_budget(database, "alice", usd("0.9"), "day")
    await spend(database, "0.1")
    assert await counts("alice") == [(900_000, 0, 0)]
    assert await balanced()


async def test_past_windows_keep_the_limit_they_had(database, alice):
    """A limit is changed from the current window on."""
    await set_budget(database, "alice", usd("1"), "day", NIGHT)
    await spend(database, "1", NIGHT)
    await set_budget(database, "alice", usd("0.5"), "day", NIGHT + 1)
    rows = await database.fetch("SELECT limit_micro, excess_micro FROM budget_windows")
    assert [tuple(row.values()) for row in rows] == [(1_000_000, 0)]


async def test_a_limit_that_changes_while_windows_open_is_the_one_that_counts(
    database, alice, balanced
):
    """No window is opened with the limit that was."""
    for day in range(10):
        at = NIGHT + day * 86_400
        charges = [a_charge(usd("0"), "alice") for _ in range(4)]
        await set_budget(database, "alice", usd("1"), "day", at)
        await asyncio.gather(
            set_budget(database, "alice", usd("2"), "day", at),
            *(reserve(database, charge, "owner", at) for charge in charges),
        )
    rows = await database.fetch("SELECT DISTINCT limit_micro FROM budget_windows")
    assert [row["limit_micro"] for row in rows] == [2_000_000]
    assert await balanced()


async def test_a_window_waits_for_a_limit_that_is_being_set(postgres_config, balanced_books):
    """Nobody opens it with the limit that was, while the new one is not yet committed."""
    async with open_database(postgres_config) as database:
        await balanced_books.fund(database, "alice", usd("1"))

        async def open_meanwhile(tx):
            await tx.execute("UPDATE budgets SET limit_micro = 5")
            opening = asyncio.ensure_future(open_windows(database, ["alice"], "USD", None))
            done, _ = await asyncio.wait([opening], timeout=0.3)
            assert not done
            return opening

        opening = await database.transact(open_meanwhile)
        assert await opening == 1
        (row,) = await database.fetch("SELECT limit_micro FROM budget_windows")
        assert row["limit_micro"] == 5


@pytest.mark.parametrize("act", ["set", "remove"])
async def test_who_moves_a_window_twice_waits_for_nobody_that_waits_for_it(
    postgres_config, balanced_books, act
):
    """As a batch does that posts and holds: PostgreSQL then looks for the budget of the window."""
    async with open_database(postgres_config) as one, open_database(postgres_config) as other:
        await balanced_books.fund(one, "alice", usd("1"))
        await spend(one, "0.1")

        async def move_twice(tx):
            await tx.fetch("SELECT set_config('lock_timeout', '300', TRUE)")
            await tx.execute("UPDATE budget_windows SET held_micro = held_micro + 1")
            change = (
                set_budget(other, "alice", usd("2"), "total")
                if act == "set"
                else remove_budget(other, "alice", "USD", "total")
            )
            waiting = asyncio.ensure_future(change)
            done, _ = await asyncio.wait([waiting], timeout=0.3)
            assert not done
            await tx.execute("UPDATE budget_windows SET held_micro = held_micro - 1")
            return waiting

        await (await one.transact(move_twice))


async def test_periods_and_currencies_are_budgets_of_their_own(database, alice):
    await set_budget(database, "alice", usd("1"), "day")
    await set_budget(database, "alice", usd("9"), "month")
    await set_budget(database, "alice", Money.parse("2", "EUR"), "day")
    await set_budget(database, "alice", usd("3"), "day")
    listed = [(b.period, str(b.limit)) for b in await budgets(database, limit=10)]
    assert listed == [("day", "2 EUR"), ("day", "3 USD"), ("month", "9 USD")]
    assert len(await budgets(database, limit=2)) == 2
    assert await budgets(database, "bob", limit=10) == []


async def test_a_removed_budget_no_longer_covers_anything(database, alice, balanced):
    """A hold that is open meanwhile still ends, and the journal stays."""
    await set_budget(database, "alice", usd("1"), "day")
    charge = a_charge(usd("0.3"), "alice")
    await reserve(database, charge, "owner")
    await spend(database, "0.1")
    gone = await remove_budget(database, "alice", "USD", "day")
    assert gone == Budget("alice", "day", usd("1"), usd("0.1"), usd("0.3"))
    with pytest.raises(BudgetExceeded) as caught:
        await spend(database, "0.1")
    assert caught.value.window == ""
    settlement = await settle(database, End(charge.id, "reply", usd("0.3")))
    assert settlement.news == "ended"
    (row,) = await database.fetch("SELECT count(*) AS entries FROM entries")
    assert row["entries"] == 2
    assert await balanced()


async def test_a_budget_given_again_counts_from_nothing(database, alice, balanced):
    """The counts of the removed one went with it, also for holds that were in it."""
    assert await set_budget(database, "alice", usd("1"), "day")
    assert not await set_budget(database, "alice", usd("1"), "day")
    assert await set_budget(database, "alice", usd("1"), "total")
    await remove_budget(database, "alice", "USD", "total")
    charge = a_charge(usd("0.3"), "alice")
    await reserve(database, charge, "owner")
    await remove_budget(database, "alice", "USD", "day")
    assert await set_budget(database, "alice", usd("1"), "day")
    await reserve(database, a_charge(usd("1"), "alice"), "owner")
    await settle(database, End(charge.id, "reply", usd("0.3")))
    (budget,) = await budgets(database, limit=10)
    assert (budget.spent, budget.held) == (usd("0"), usd("1"))
    assert await balanced()


async def test_a_removed_budget_tells_of_its_current_window_alone(database, alice):
    """What an earlier day came to is not of this day, and nothing may be open yet."""
    await set_budget(database, "alice", usd("1"), "day", NIGHT)
    charge = a_charge(usd("0.3"), "alice")
    await reserve(database, charge, "owner", NIGHT)
    gone = await remove_budget(database, "alice", "USD", "day", NIGHT + 1)
    assert (gone.spent, gone.held) == (usd("0"), usd("0"))


async def test_an_account_must_be_registered(database):
    with pytest.raises(AccountError, match="bob"):
        await set_budget(database, "bob", usd("1"), "day")


@pytest.mark.parametrize(
    "missing", [("alice", "USD", "hour"), ("alice", "EUR", "day"), ("bob", "USD", "day")]
)
async def test_only_a_budget_that_is_there_can_be_removed(database, alice, missing):
    await set_budget(database, "alice", usd("1"), "day")
    with pytest.raises(LedgerError, match="no budget"):
        await remove_budget(database, *missing)
    assert len(await budgets(database, limit=10)) == 1
