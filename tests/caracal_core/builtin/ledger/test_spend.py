"""The page shows what the current day and month came to, and no more lines than it may."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
import pytest

from caracal_core.builtin.ledger import spend as page
from caracal_core.builtin.ledger.sealing.sealer import seal_now
from caracal_core.builtin.ledger.settling import End
from caracal_core.builtin.ledger.writing import reserve, settle
from caracal_core.testing.fakes import a_charge, usd

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC).timestamp()
DAY = 86_400


@pytest.fixture
async def spent(database, give_budget, monkeypatch):
    """Let somebody spend at an instant; it is noon of a day in November."""

    async def now(_):
        return NOON

    monkeypatch.setattr(page, "now", now)

    async def spent(agent, cost, at=NOON, route="chat"):
        await give_budget(agent, usd("100"))
        charge = msgspec.structs.replace(a_charge(usd("1"), agent), route=route)
        await reserve(database, charge, "owner", at)
        await settle(database, End(charge.id, "reply", usd(cost)), at)

    return spent


async def test_today_and_this_month_by_agent_and_route(database, spent):
    """What is sealed and what is not; those that spent the most come first."""
    await spent("alice", "0.5")
    await spent("bob", "1", NOON - 43_200)
    await spent("bob", "2", NOON - 43_201, "search")
    await seal_now(database, 10, 30)
    await spent("alice", "0.25")
    await spent("alice", "9", NOON - 23 * DAY)
    shown = await page.spend(database)
    today, month = shown["today"], shown["month"]
    assert (today["day"], month["month"]) == ("2026-11-23", "2026-11")
    assert [(each["agent"], each["posted"]) for each in today["by_agent"]] == [
        ("bob", "1"),
        ("alice", "0.75"),
    ]
    assert [(each["route"], each["posted"], each["calls"]) for each in month["by_route"]] == [
        ("search", "2", 1),
        ("chat", "1.75", 3),
    ]
    assert not today["more_agents"]
    msgspec.json.encode(shown)


async def test_only_those_that_spent_the_most_are_shown(database, spent, monkeypatch):
    monkeypatch.setattr(page, "MOST", 2)
    for agent, cost in (("a", "1"), ("b", "3"), ("c", "2")):
        await spent(agent, cost)
    today = (await page.spend(database))["today"]
    assert [each["agent"] for each in today["by_agent"]] == ["b", "c"]
    assert (today["more_agents"], today["more_routes"]) == (True, False)
