"""``caracal budgets``: limits are set, seen and removed, and no odd amount gets in."""

from __future__ import annotations

import asyncio
import json

import pytest

from caracal_core.builtin.ledger.budgets import set_budget
from caracal_core.builtin.ledger.settling import End
from caracal_core.builtin.ledger.writing import reserve, settle
from caracal_core.domain import Money
from caracal_core.domain.money import LARGEST
from caracal_core.storage.database import open_database
from caracal_core.testing.fakes import a_charge, usd


@pytest.fixture
def budgets(caracal_at):
    caracal_at("agents", "register", "alice")
    return lambda *arguments, code=0: caracal_at("budgets", *arguments, code=code)


def test_a_budget_from_its_first_limit_to_its_end(budgets):
    """The whole life, as an operator would type it."""
    assert "There is no budget" in budgets("list")
    assert budgets("list", "--json") == "[]\n"
    assert budgets("set", "alice", "12.50", "USD") == (
        "alice may spend 12.5 USD per day, counted from now on.\n"
    )
    assert budgets("set", "alice", "100", "EUR", "--per", "total") == (
        "alice may spend 100 EUR in total, counted from now on.\n"
    )
    assert budgets("set", "alice", "10", "USD", "--per", "day") == (
        "alice may spend 10 USD per day.\n"
    )

    head, *lines = budgets("list").splitlines()
    assert head.split() == ["ACCOUNT", "PER", "CURRENCY", "LIMIT", "SPENT", "HELD", "AVAILABLE"]
    assert [line.split() for line in lines] == [
        ["alice", "total", "EUR", "100", "0", "0", "100"],
        ["alice", "day", "USD", "10", "0", "0", "10"],
    ]
    (row,) = json.loads(budgets("list", "alice", "--limit", "1", "--json"))
    assert row == {
        "account": "alice",
        "per": "total",
        "currency": "EUR",
        "limit": "100",
        "spent": "0",
        "held": "0",
        "available": "100",
        "saturated": False,
    }

    assert budgets("remove", "alice", "USD") == (
        "Removed the budget of alice in USD per day. It had counted 0 USD spent and 0 USD held in "
        "the current day, which is forgotten.\n"
    )
    assert "in EUR in total. " in budgets("remove", "alice", "EUR", "--per", "total")
    assert budgets("list", "--json") == "[]\n"


@pytest.mark.parametrize("period", ["day", "total"])
def test_what_a_removed_budget_had_counted_is_said_and_not_counted_again(
    budgets, caracal_at, storage_config, period
):
    """In one window: what is spent stays in the ledger, what is held ends as if nothing were."""
    per = ("--per", period)

    async def spend_and_hold():
        async with open_database(storage_config) as database:
            first, second = (a_charge(usd(amount), "alice") for amount in ("1", "0.25"))
            for charge in (first, second):
                await reserve(database, charge, "owner")
            await settle(database, End(first.id, "reply", usd("0.5")))
        return second

    budgets("set", "alice", "10", "USD", *per)
    held = asyncio.run(spend_and_hold())
    assert "counted from now on" not in budgets("set", "alice", "20", "USD", *per)
    said = budgets("remove", "alice", "USD", *per)
    assert "It had counted 0.5 USD spent and 0.25 USD held" in said
    assert budgets("set", "alice", "10", "USD", *per).endswith(", counted from now on.\n")
    caracal_at("charges", "release", held.id, "--post")
    (row,) = json.loads(budgets("list", "--json"))
    assert (row["spent"], row["held"]) == ("0", "0")
    (row,) = json.loads(caracal_at("ledger", "summary", "--json"))
    assert row["posted"] == "0.75"


def test_a_count_that_is_full_is_marked_and_the_ledger_has_the_whole_sum(
    budgets, caracal_at, storage_config
):
    """No window counts past the largest amount; what was posted is summed exactly all the same."""
    largest = Money(LARGEST, "USD")

    async def spend_twice():
        async with open_database(storage_config) as database:
            charges = [a_charge(usd("1"), "alice") for _ in range(2)]
            for charge in charges:
                await reserve(database, charge, "owner")
            for charge in charges:
                await settle(database, End(charge.id, "reply", largest))
            await set_budget(database, "alice", largest, "total")

    budgets("set", "alice", "10", "USD")
    asyncio.run(spend_twice())
    lines = [line.split() for line in budgets("list").splitlines()[1:]]
    assert lines == [
        ["alice", "day", "USD", "10", ">=", largest.decimal, "0", "0"],
        ["alice", "total", "USD", largest.decimal, "0", "0", largest.decimal],
    ]
    rows = json.loads(budgets("list", "--json"))
    counts = [(row["spent"], row["saturated"]) for row in rows]
    assert counts == [(largest.decimal, True), ("0", False)]
    (row,) = json.loads(caracal_at("ledger", "summary", "--json"))
    assert row["posted"] == "18446744073709.551614"
    assert "18446744073709.551614" in caracal_at("ledger", "summary")
    assert f"counted >= {largest.decimal} USD spent" in budgets("remove", "alice", "USD")


@pytest.mark.parametrize("command", ["set", "remove"])
def test_the_help_says_from_when_a_budget_counts(caracal, command):
    said = " ".join(caracal("budgets", command, "--help").stdout.split())
    assert "even in the current window" in said or "in the same window too" in said
    assert "a total never starts anew while its budget stays" in said


def test_what_is_not_there_is_said(budgets):
    assert "'bob' is not registered" in budgets("set", "bob", "1", "USD", code=1)
    assert "no budget in USD per day" in budgets("remove", "alice", "USD", code=1)


@pytest.mark.parametrize(
    "amount",
    [
        "NaN",
        "inf",
        "1e999",
        "0.1e1",
        "",
        " 1",
        "1,5",
        "0.0000001",
        "9223372036854.775808",
        "9" * 99,
    ],
)
def test_an_odd_amount_is_explained(caracal, amount):
    """Before the store is even opened."""
    ended = caracal("budgets", "set", "alice", amount, "USD")
    assert ended.returncode == 2
    assert "an amount is" in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize("arguments", [("-1", "USD"), ("1", "usd"), ("1", "DOLLAR"), ("1",)])
def test_an_odd_wish_is_explained(caracal, arguments):
    """A negative amount, a currency that is none."""
    ended = caracal("budgets", "set", "alice", *arguments)
    assert ended.returncode == 2
    assert "Error: " in ended.stderr
    assert "Traceback" not in ended.stderr
