"""What the books say no with, beside a `Refusal` and a plain `Failure`."""

from __future__ import annotations

from caracal_core.errors import CaracalError, Failure

PART = "ledger"


class Conflict(Failure):
    """The id belongs to another charge, or to one that has ended; asking again is in vain."""


class PutOff(Failure):
    """Nothing was done: another session keeps a row locked; later it may be done."""


def kept_locked() -> PutOff:
    """Return a new error: one that is raised again and again keeps the frames of every time."""
    return PutOff(PART, "another session keeps a row locked that this needs")


class LedgerError(CaracalError):
    """An operator's wish cannot be granted; the message says why."""
