"""How a reservation is wanted to end, and how it stands then; the first of two endings stands.

As with charges, the garbage collector need not look at these values.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from caracal_core.domain import Basis, Cause, Money, Receipt

NO_CURRENCY = "XXX"
"""ISO 4217's code for no currency: of a reservation of which nothing but a void is known."""

NOT_THE_OWNERS = frozenset({"orphan", "expired", "released"})
"""Causes of endings that somebody else than the reservation's owner decided."""


class End(Struct, frozen=True, gc=False):
    """How somebody wants a reservation to end.

    Attributes:
        id: the charge's id.
        cause: why.
        amount: what it did cost; None voids it.
        basis: how that amount came about; empty where it is voided.
    """

    id: str
    cause: Cause
    amount: Money | None = None
    basis: Basis = ""


class Settlement(Struct, frozen=True, gc=False):
    """How a reservation stands after somebody wanted it to end.

    Attributes:
        receipt: the ending that stands.
        news: what this end did: ``ended`` the reservation; ``repeated`` an ending that stood
            already; ``adjusted`` for money spent after it; or was for an ``unknown`` id, which
            is remembered.
        overrun: whether more was posted than held.
    """

    receipt: Receipt
    news: Literal["ended", "repeated", "adjusted", "unknown"]
    overrun: bool = False
