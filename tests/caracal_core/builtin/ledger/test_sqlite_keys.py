"""A key is free, or says why it is not; whoever holds it next has the first one's public id."""

import pytest

from caracal_core.builtin.ledger.sqlite_keys import Keys
from caracal_core.testing.fakes import a_charge, usd


def charge(fingerprint="f"):
    return a_charge(usd("1"), "alice", key="k", fingerprint=fingerprint)


def keys(state=None, adjusted=0):
    row = {"charge": "first", "fingerprint": "f", "state": state, "adjusted": adjusted}
    return Keys({("alice", "k"): row})


@pytest.mark.parametrize(
    ("state", "adjusted", "code"),
    [
        ("pending", 0, "idempotency_in_flight"),
        ("posted", 0, "already_charged"),
        ("voided", 1, "already_charged"),
    ],
)
def test_a_key_that_stands_for_something_is_a_conflict(state, adjusted, code):
    conflict = keys(state, adjusted).conflict(charge())
    assert (conflict.code, conflict.charge) == (code, "first")
    assert keys(state, adjusted).conflict(charge("other")).code == "idempotency_key_reused"


@pytest.mark.parametrize("state", ["voided", None])
def test_a_key_whose_attempt_came_to_nothing_is_free(state):
    known = keys(state)
    assert known.conflict(charge()) is None
    again = charge()
    assert known.public(again) == "first"
    assert known.taken == [("alice", "k", "first", "f", again.id)]
    assert known.conflict(charge()).code == "idempotency_in_flight"


def test_a_fresh_key_is_its_own_charges():
    fresh = Keys({})
    assert fresh.conflict(charge()) is None
    assert fresh.public(charge()) is None
    assert fresh.public(a_charge(usd("1"), "bob")) is None
    assert len(fresh.taken) == 1
