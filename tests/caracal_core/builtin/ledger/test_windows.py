"""A charge meets the calendar window of every budget on its path, opened when first needed."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest

from caracal_core.builtin.ledger.windows import Window, open_windows, refusal, shortage
from caracal_core.builtin.ledger.writing import reserve
from caracal_core.domain import Money
from caracal_core.errors import BudgetExceeded
from caracal_core.testing.fakes import a_charge, usd

PERIODS = ["hour", "day", "week", "month", "total"]
SUNDAY = datetime(2026, 11, 22, 23, 59, 59, tzinfo=UTC).timestamp()


async def opened(database, account):
    rows = await database.fetch(
        """SELECT b.period FROM budget_windows w JOIN budgets b ON b.id = w.budget_id
        JOIN accounts a ON a.id = b.account_id WHERE a.name = $1 ORDER BY b.period""",
        account,
    )
    return [row["period"] for row in rows]


async def test_windows_are_opened_once(database, give_budget):
    """Those of the path that are open already stay as they are."""
    await give_budget("alice", usd("1"), period="day")
    assert await open_windows(database, ["alice", "team"], "USD", None) == 1
    await give_budget("alice", usd("5"), period="month")
    assert await open_windows(database, ["alice", "team"], "USD", None) == 1
    assert await open_windows(database, ["alice", "team"], "USD", None) == 0
    assert await open_windows(database, ["alice"], "EUR", None) == 0
    assert await opened(database, "alice") == ["day", "month"]


async def test_a_budget_given_later_makes_the_path_incomplete_again(database, give_budget):
    """A limit counts from the first call after it was set."""
    await give_budget("alice", usd("1"), period="day")
    await reserve(database, a_charge(usd("0.1"), "alice"), "owner")
    await give_budget("alice", usd("0.05"), period="hour")
    with pytest.raises(BudgetExceeded) as caught:
        await reserve(database, a_charge(usd("0.1"), "alice"), "owner")
    assert caught.value.window == "hour"


@pytest.mark.parametrize("period", ["hour", "day", "week"])
async def test_a_new_window_has_the_whole_limit_again(database, give_budget, period):
    """One second before and at the end of a Sunday."""
    await give_budget("alice", usd("1"), period=period)
    await reserve(database, a_charge(usd("1"), "alice"), "owner", SUNDAY)
    with pytest.raises(BudgetExceeded):
        await reserve(database, a_charge(usd("1"), "alice"), "owner", SUNDAY)
    await reserve(database, a_charge(usd("1"), "alice"), "owner", SUNDAY + 1)


@pytest.mark.parametrize("period", ["month", "total"])
async def test_a_longer_window_goes_on(database, give_budget, period):
    """A month does not end with its week, and a total never does."""
    await give_budget("alice", usd("1"), period=period)
    await reserve(database, a_charge(usd("1"), "alice"), "owner", SUNDAY)
    with pytest.raises(BudgetExceeded):
        await reserve(database, a_charge(usd("1"), "alice"), "owner", SUNDAY + 1)


async def test_many_who_open_the_same_windows_at_once_open_each_once(
    database, give_budget, balanced
):
    """The first calls of a day come together."""
    for account in ("alice", "team"):
        for period in PERIODS:
            await give_budget(account, usd("1"), period=period)
    charges = [a_charge(usd("0.01"), "alice", "team") for _ in range(20)]
    await asyncio.gather(*(reserve(database, charge, "owner") for charge in charges))
    assert await opened(database, "alice") == sorted(PERIODS)
    assert await opened(database, "team") == sorted(PERIODS)
    assert await balanced()


def test_the_refusal_names_the_nearest_account_and_its_tightest_window():
    """Of its own account the agent learns what is left, of others not."""
    charge = a_charge(usd("3"), "alice", "team")
    day, month = Window(2, "alice", "day", 2_000_000), Window(3, "alice", "month", 1_000_000)
    team = Window(1, "team", "total", 0)
    own = shortage(charge, [team, day, month])
    assert (own.account, own.window, own.available) == ("alice", "month", usd("1"))
    above = shortage(charge, [team, Window(2, "alice", "day", 3_000_000)])
    assert (above.account, above.window, above.available) == ("team", "total", None)


def test_an_overrun_leaves_nothing_and_never_less():
    """An amount is never negative."""
    short = shortage(a_charge(usd("1"), "alice"), [Window(1, "alice", "day", -5)])
    assert short.available == usd("0")


def test_without_any_budget_the_refusal_names_no_window():
    """The agent's own account is the one that should have had one."""
    for short in (
        shortage(a_charge(Money(1, "EUR"), "alice", "team")),
        refusal(a_charge(usd("1"), "alice")),
    ):
        assert (short.account, short.window, short.available) == ("alice", "", None)
