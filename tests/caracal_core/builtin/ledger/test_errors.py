"""What the ledger says no with is answered, or worded for the operator."""

from __future__ import annotations

from caracal_core.builtin.ledger.errors import Conflict, LedgerError, PutOff, kept_locked
from caracal_core.errors import Answered, CaracalError, Failure, Refusal


def test_a_conflict_is_a_failure_that_keeps_its_reason_from_the_client():
    """A charge id is made by the gateway: a clash is not the client's fault."""
    conflict = Conflict("ledger", "the id x is another charge's")
    assert isinstance(conflict, Failure)
    assert not isinstance(conflict, Refusal)
    assert conflict.status == 503
    assert "x" not in conflict.detail.split()


def test_what_is_put_off_may_be_asked_again_later():
    """Its client is told no more than that."""
    put_off = PutOff("ledger", "another session keeps a row locked")
    assert (put_off.status, put_off.code) == (503, "unavailable")
    assert not isinstance(put_off, Conflict | Refusal)
    assert "row" not in put_off.detail


def test_each_that_is_put_off_has_an_error_of_its_own():
    """Raising one again and again would keep the frames of all who waited for it."""
    assert kept_locked() is not kept_locked()


def test_a_ledger_error_is_for_the_command_line_only():
    """No client is ever answered with it."""
    assert issubclass(LedgerError, CaracalError)
    assert not issubclass(LedgerError, Answered)
