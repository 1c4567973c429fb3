"""The fake ledger lets a test read its books; that they are right, its contract proves."""

import pytest

from caracal_core.errors import Failure
from caracal_core.testing.fakes import FakeLedger, a_charge, usd


@pytest.fixture
def ledger():
    ledger = FakeLedger()
    ledger.limit("alice", usd("1"))
    return ledger


async def test_it_shows_what_is_held_and_pending(ledger):
    charge = a_charge(usd("0.4"), "alice")
    await ledger.reserve(charge)
    assert (ledger.held("alice"), ledger.spent("alice")) == (usd("0.4"), usd("0"))
    assert dict(ledger.pending) == {charge.id: charge}


async def test_it_shows_what_was_spent_and_how_it_ended(ledger):
    charge = a_charge(usd("0.4"), "alice")
    await ledger.reserve(charge)
    receipt = await ledger.post(charge.id, usd("0.3"), "reply", "metered")
    assert dict(ledger.bases) == {charge.id: "metered"}
    assert (ledger.held("alice"), ledger.spent("alice")) == (usd("0"), usd("0.3"))
    assert not ledger.pending
    assert dict(ledger.receipts) == {charge.id: receipt}


async def test_its_books_cannot_be_written_from_outside(ledger):
    with pytest.raises(TypeError):
        ledger.pending["id"] = None


async def test_a_limit_can_be_changed(ledger):
    ledger.limit("alice", usd("2"))
    await ledger.reserve(a_charge(usd("2"), "alice"))


async def test_a_post_of_what_was_never_held_fails(ledger):
    with pytest.raises(Failure):
        await ledger.post("unknown", usd("1"), "reply")
