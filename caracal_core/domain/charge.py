"""A charge: held before the call, then posted or voided exactly once."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from caracal_core.domain.money import Money
from caracal_core.domain.route import Ending

Cause = Literal[
    "reply",
    "client_gone",
    "upstream_failed",
    "error_status",
    "cut",
    "not_sent",
    "orphan",
    "expired",
    "released",
    "adjustment",
]
"""Why a reservation ended. ``not_sent``: nothing had gone to the upstream; ``released``: an
operator ended it by hand; ``adjustment``: a late post, after the hold had already ended."""

State = Literal["pending", "posted", "voided"]


class Charge(Struct, frozen=True):
    """What one exchange may cost, asked of the ledger before anything is forwarded.

    Attributes:
        id: made by the gateway before it asks, 32 hexadecimal digits; retries are safe by it.
        agent: the agent's name.
        accounts: the account path; the amount must fit every budget of every level.
        amount: the most it may cost.
        route: id of the route.
        request: id of the exchange.
        expire_seconds: after how many seconds nobody renewing it the hold is resolved.
        orphan: what it becomes then.
    """

    id: str
    agent: str
    accounts: tuple[str, ...]
    amount: Money
    route: str
    request: str
    expire_seconds: float
    orphan: Ending


class Reservation(Struct, frozen=True):
    """A charge that the ledger holds.

    Attributes:
        id: the charge's id.
        amount: what is held.
        expires_at: unix seconds by the database's clock.
    """

    id: str
    amount: Money
    expires_at: float


class Receipt(Struct, frozen=True):
    """The durable end of a reservation.

    Attributes:
        id: the charge's id.
        state: how it ended; the first of two endings stands.
        amount: what was posted; zero where it was voided.
        cause: why it ended so.
    """

    id: str
    state: Literal["posted", "voided"]
    amount: Money
    cause: Cause
