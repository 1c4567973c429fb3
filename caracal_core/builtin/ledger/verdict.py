"""What became of one work of a batch."""

from __future__ import annotations

from caracal_core.builtin.ledger.errors import PART, Conflict
from caracal_core.builtin.ledger.settling import Settlement
from caracal_core.domain import Charge, Reservation
from caracal_core.errors import Failure, Refusal

Verdict = Reservation | Settlement | Refusal | Failure
"""Its result, or its error as a value. `Refusal` and `Conflict` are final, and nothing is done;
after a `PutOff` nothing is done, too, and after any other `Failure` it may be done or not: these
may be repeated."""


class Waits:
    """Nothing was done: a window on the path of the charge has to be opened first."""

    __slots__ = ()


WAITS = Waits()
"""The one of its kind."""


def over(charge: Charge, state: object) -> Conflict:
    """Refuse the id of a charge that has ended."""
    return Conflict(PART, f"the charge {charge.id} has ended already: {state}")


def taken(charge: Charge) -> Conflict:
    """Refuse an id that is another charge's."""
    return Conflict(PART, f"the id {charge.id} is another charge's")
