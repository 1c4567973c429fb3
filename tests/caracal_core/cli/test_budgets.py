"""``caracal budgets``: limits are set, seen and removed, and no odd amount gets in."""

from __future__ import annotations

import json

import pytest


@pytest.fixture
def budgets(caracal_at):
    caracal_at("agents", "register", "alice")
    return lambda *arguments, code=0: caracal_at("budgets", *arguments, code=code)


def test_a_budget_from_its_first_limit_to_its_end(budgets):
    """The whole life, as an operator would type it."""
    assert "There is no budget" in budgets("list")
    assert budgets("list", "--json") == "[]\n"
    assert budgets("set", "alice", "12.50", "USD") == "alice may spend 12.5 USD per day.\n"
    assert budgets("set", "alice", "100", "EUR", "--per", "total") == (
        "alice may spend 100 EUR in total.\n"
    )
    assert budgets("set", "alice", "10", "USD", "--per", "day").startswith("alice may spend 10 USD")

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
    }

    assert budgets("remove", "alice", "USD") == "Removed the budget of alice in USD per day.\n"
    assert budgets("remove", "alice", "EUR", "--per", "total").endswith("in EUR in total.\n")
    assert budgets("list", "--json") == "[]\n"


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
