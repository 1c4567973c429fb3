"""``caracal charges``: what is held is seen, and released by hand."""

from __future__ import annotations

import asyncio
import json

import pytest

from caracal_core.builtin.ledger.budgets import set_budget
from caracal_core.builtin.ledger.settling import End
from caracal_core.builtin.ledger.writing import reserve, settle
from caracal_core.storage import accounts
from caracal_core.storage.database import open_database
from caracal_core.testing.fakes import a_charge, usd


async def held(config, count):
    """Register alice and bob, and hold 0.25 USD for her so many times."""
    async with open_database(config) as database:
        await accounts.register(database, "alice")
        await accounts.register(database, "bob")
        await set_budget(database, "alice", usd("10"), "day")
        made = [a_charge(usd("0.25"), "alice") for _ in range(count)]
        for charge in made:
            await reserve(database, charge, "owner")
        return made


@pytest.fixture
def charges(caracal_at):
    return lambda *arguments, code=0: caracal_at("charges", *arguments, code=code)


def test_pending_charges_are_listed_and_released(charges, storage_config):
    """One posted, one voided; then nothing is pending, and both can be seen as they ended."""
    assert charges("list") == "No charge is pending.\n"
    first, second = asyncio.run(held(storage_config, 2))
    listed = json.loads(charges("list", "--json"))
    assert [row["id"] for row in listed] == [second.id, first.id]
    assert (listed[0]["agent"], listed[0]["held"], listed[0]["currency"]) == (
        "alice",
        "0.25",
        "USD",
    )
    assert listed[0]["owner"] == "owner"
    assert listed[0]["expires_at"].endswith("+00:00")

    assert charges("release", first.id, "--post") == f"Posted 0.25 USD for {first.id}.\n"
    assert charges("release", second.id, "--void") == f"Voided {second.id}.\n"
    assert charges("list") == "No charge is pending.\n"
    ended = json.loads(charges("list", "--state", "all", "--agent", "alice", "--json"))
    assert [(row["state"], row["posted"], row["cause"]) for row in ended] == [
        ("voided", "0", "released"),
        ("posted", "0.25", "released"),
    ]
    assert charges("list", "--state", "posted", "--agent", "bob") == "There is no such charge.\n"
    head, line = charges("list", "--state", "voided", "--limit", "1").splitlines()
    assert head.split()[:5] == ["CHARGE", "AGENT", "ROUTE", "STATE", "HELD"]
    assert line.split()[:5] == [second.id, "alice", "test-route", "voided", "0.25"]


def test_a_charge_is_listed_by_the_id_that_the_client_and_the_journal_know(
    charges, caracal_at, storage_config
):
    """A retried attempt has an id of its own, which only programs are shown beside it."""

    async def tried_twice():
        await held(storage_config, 0)
        said = {"key": "once", "fingerprint": "0" * 64}
        first, second = (a_charge(usd("0.25"), "alice", **said) for _ in range(2))
        async with open_database(storage_config) as database:
            await reserve(database, first, "owner")
            await settle(database, End(first.id, "not_sent"))
            await reserve(database, second, "owner")
        return first, second

    first, second = asyncio.run(tried_twice())
    (row,) = json.loads(charges("list", "--json"))
    assert (row["id"], row["charge"]) == (second.id, first.id)
    _, line = charges("list").splitlines()
    assert line.split()[0] == first.id
    assert second.id not in line
    assert charges("release", first.id, "--post") == f"Posted 0.25 USD for {first.id}.\n"
    _, *lines = caracal_at("ledger", "query", "--charge", first.id).splitlines()
    assert len(lines) == 2


def test_what_cannot_be_released_is_said(charges, storage_config):
    """An unknown id, one that has ended, and a wish that leaves the ending open."""
    (charge,) = asyncio.run(held(storage_config, 1))
    assert "no charge 'nothing'" in charges("release", "nothing", "--void", code=1)
    assert "--post" in charges("release", charge.id, code=2)
    for both in (("--post", "--void"), ("--void", "--post")):
        assert "--post and --void were both given" in charges("release", charge.id, *both, code=2)
    assert [row["state"] for row in json.loads(charges("list", "--json"))] == ["pending"]
    charges("release", charge.id, "--void")
    assert "has ended already: voided" in charges("release", charge.id, "--post", code=1)
