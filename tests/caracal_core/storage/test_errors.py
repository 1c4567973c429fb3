"""The store's failures are failures, and say what is known."""

import logging

from caracal_core.errors import Failure
from caracal_core.storage.errors import (
    ConstraintViolated,
    Locked,
    OutcomeUnknown,
    SchemaBehind,
    telling,
)


def test_all_fail_closed_and_tell_the_client_nothing():
    for error in (
        OutcomeUnknown("storage", "it is open"),
        ConstraintViolated("budgets_limit"),
        Locked("storage", "by budgets"),
    ):
        assert isinstance(error, Failure)
        assert (error.status, error.code) == (503, "unavailable")
        assert "budgets" not in error.detail


def test_a_constraint_is_named_for_the_operator():
    assert str(ConstraintViolated("budgets_limit")) == "storage: constraint violated: budgets_limit"


def test_a_schema_that_is_behind_says_the_mend_and_is_not_told_by_every_chore():
    behind = SchemaBehind("no such table: prices")
    assert isinstance(behind, Failure)
    assert behind.internal.endswith("`caracal db migrate up` brings it up.")
    assert telling(behind) == logging.DEBUG
    assert telling(Failure("storage", "gone")) == logging.WARNING
