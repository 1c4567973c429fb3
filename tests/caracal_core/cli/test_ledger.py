"""``caracal ledger``: what was spent is queried and summed up."""

from __future__ import annotations

import asyncio
import json

import msgspec
import pytest

from caracal_core.builtin.ledger.budgets import set_budget
from caracal_core.builtin.ledger.settling import End
from caracal_core.builtin.ledger.writing import reserve, settle
from caracal_core.storage import accounts
from caracal_core.storage.database import open_database
from caracal_core.testing.fakes import a_charge, usd

MIDNIGHT = 1_795_392_000.0


async def spent(config):
    """Two agents, two routes, two days: posted, voided and held."""
    async with open_database(config) as database:
        for name in ("alice", "bob"):
            await accounts.register(database, name)
            await set_budget(database, name, usd("10"), "total")
        costs = [("alice", "chat", "0.25", -1), ("alice", "search", "1", 0), ("bob", "chat", "", 1)]
        for agent, route, cost, seconds in costs:
            charge = msgspec.structs.replace(a_charge(usd("1"), agent), route=route)
            await reserve(database, charge, "owner", MIDNIGHT + seconds)
            end = End(charge.id, "reply", usd(cost)) if cost else End(charge.id, "not_sent")
            await settle(database, end, MIDNIGHT + seconds)
        await reserve(database, a_charge(usd("2"), "bob"), "owner", MIDNIGHT)


@pytest.fixture
def ledger(caracal_at):
    return lambda *arguments, code=0: caracal_at("ledger", *arguments, code=code)


def test_an_empty_ledger_says_so(ledger):
    assert ledger("query") == "The ledger has no such entry.\n"
    assert ledger("summary") == "Nothing was spent, and nothing is held.\n"
    assert ledger("query", "--json") == ledger("summary", "--json") == "[]\n"


def test_entries_are_queried(ledger, storage_config):
    """By agent, route and moments, as a table and as JSON."""
    asyncio.run(spent(storage_config))
    rows = json.loads(ledger("query", "--json"))
    assert [(row["agent"], row["kind"], row["amount"], row["cause"]) for row in rows] == [
        ("bob", "voided", "0", "not_sent"),
        ("alice", "posted", "1", "reply"),
        ("alice", "posted", "0.25", "reply"),
    ]
    assert rows[1]["at"] == "2026-11-23T00:00:00+00:00"
    assert (rows[0]["held"], rows[0]["currency"]) == ("1", "USD")
    narrowed = ledger(
        "query", "--agent", "alice", "--route", "search", "--since", "2026-11-23", "--until",
        "2026-11-24", "--limit", "5", "--json",
    )  # fmt: skip
    assert [row["id"] for row in json.loads(narrowed)] == [rows[1]["id"]]
    head, *lines = ledger("query", "--until", "2026-11-23").splitlines()
    columns = "AT CHARGE KIND AGENT ROUTE AMOUNT CURRENCY CAUSE BASIS PRICE"
    assert head.split() == columns.split()
    assert len(lines) == 1


def test_it_is_summed_up_by_agent_route_and_day(ledger, storage_config):
    """What was posted, what is held, and how many calls there were."""
    asyncio.run(spent(storage_config))
    head, *lines = ledger("summary").splitlines()
    assert head.split() == ["AGENT", "CURRENCY", "POSTED", "HELD", "CALLS", "VOIDED"]
    assert [line.split() for line in lines] == [
        ["alice", "USD", "1.25", "0", "2", "0"],
        ["bob", "USD", "0", "2", "0", "1"],
    ]
    by_route = json.loads(ledger("summary", "--by", "route", "--json"))
    assert [(row["route"], row["posted"], row["held"]) for row in by_route] == [
        ("chat", "0.25", "0"),
        ("search", "1", "0"),
        ("test-route", "0", "2"),
    ]
    by_day = json.loads(ledger("summary", "--by", "day", "--since", "2026-11-23", "--json"))
    assert [(row["day"], row["posted"], row["held"]) for row in by_day] == [
        ("2026-11-23", "1", "2")
    ]


def test_what_was_spent_without_a_known_hold_is_not_hidden(ledger, storage_config):
    """Nobody knows whose it was, but it was spent."""

    async def lost():
        async with open_database(storage_config) as database:
            await settle(database, End("lost", "reply", usd("3")))

    asyncio.run(lost())
    (row,) = json.loads(ledger("query", "--json"))
    assert (row["charge"], row["agent"], row["amount"]) == ("lost", None, "3")
    _, line = ledger("summary").splitlines()
    assert line.split() == ["-", "USD", "3", "0", "1", "0"]


def test_an_odd_moment_is_explained(ledger):
    assert "write 2026-01-31" in ledger("query", "--since", "yesterday", code=2)
    assert "write 2026-01-31" in ledger("summary", "--until", "1e9", code=2)


def test_partitions_are_made_ahead(ledger, storage_config):
    """As many months as wanted; what is there is not made again, and SQLite needs none."""
    said = ledger("partitions", "--months", "4").splitlines()
    if storage_config.embedded:
        assert said == ["No partition is missing."]
    else:
        assert [line.partition("_")[0] for line in said] == ["Made entries"] * 2
    assert ledger("partitions", "--months", "4") == "No partition is missing.\n"
