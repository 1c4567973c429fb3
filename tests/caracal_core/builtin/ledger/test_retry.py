"""Failures are tried again with growing pauses; decisions are not."""

from __future__ import annotations

import pytest

from caracal_core.builtin.ledger import retry
from caracal_core.builtin.ledger.errors import Conflict
from caracal_core.builtin.ledger.retry import insist
from caracal_core.errors import BudgetExceeded, Failure
from caracal_core.testing.fakes import usd


@pytest.fixture
def pauses(monkeypatch):
    """Record the pauses instead of making them; each is as long as it may be."""
    made = []

    async def sleep(seconds):
        made.append(seconds)

    monkeypatch.setattr(retry.asyncio, "sleep", sleep)
    monkeypatch.setattr(retry.random, "uniform", lambda _low, high: high)
    return made


class Attempts:
    """Fails with the given errors, one after the other, then works."""

    def __init__(self, *errors):
        self.errors = list(errors)
        self.seen = []

    async def __call__(self, failed):
        self.seen.append(failed)
        if self.errors:
            raise self.errors.pop(0)
        return "done"


async def test_it_is_tried_until_it_works(pauses):
    """Each attempt learns how many failed before; whatever failed, it is tried again."""
    attempts = Attempts(Failure("store", "down"), OSError(), ZeroDivisionError())
    assert await insist(attempts, lambda _: False) == "done"
    assert attempts.seen == [0, 1, 2, 3]
    assert pauses == [0.02, 0.04, 0.08]


async def test_the_pauses_grow_to_a_bound(pauses):
    """A store that was down for long is found again soon."""
    await insist(Attempts(*[OSError()] * 20), lambda _: False)
    assert max(pauses) == pauses[-1] == retry.LONGEST_PAUSE_SECONDS


@pytest.mark.parametrize(
    "decision", [BudgetExceeded(usd("1"), "alice"), Conflict("ledger", "taken")]
)
async def test_decisions_are_final(pauses, decision):
    """Nobody is asked again whether it still does not fit."""
    attempts = Attempts(decision)
    with pytest.raises(type(decision)):
        await insist(attempts, lambda _: False)
    assert attempts.seen == [0]


async def test_it_ends_where_it_is_given_up(pauses):
    """With the last failure, not the first."""
    attempts = Attempts(OSError("first"), OSError("second"), OSError("third"))
    told = []

    def gives_up(error):
        told.append(str(error))
        return len(told) == 2

    with pytest.raises(OSError, match="second"):
        await insist(attempts, gives_up)
    assert told == ["first", "second"]
