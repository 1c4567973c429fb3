"""The store's failures are failures, and say what is known."""

from caracal_core.errors import Failure
from caracal_core.storage.errors import (
    ConstraintViolated,
    OutcomeUnknown,
)


def test_both_fail_closed_and_tell_the_client_nothing():
    for error in (OutcomeUnknown("storage", "it is open"), ConstraintViolated("budgets_limit")):
        assert isinstance(error, Failure)
        assert (error.status, error.code) == (503, "unavailable")
        assert "budgets" not in error.detail


def test_a_constraint_is_named_for_the_operator():
    assert str(ConstraintViolated("budgets_limit")) == "storage: constraint violated: budgets_limit"
