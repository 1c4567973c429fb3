"""A charge: held before the call, then posted or voided exactly once.

Nothing in these values leads back to them, so that the garbage collector need not look (``gc``).
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from caracal_core.domain.money import Money
from caracal_core.domain.route import Ending

Cause = Literal[
    "reply",
    "client_gone",
    "upstream_failed",
    "upstream_timeout",
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

Basis = Literal["held", "metered", "stated", "unmetered", ""]
"""How a posted amount came about. ``held``: the quoted amount, and no meter was expected;
``metered``: a meter read it; ``stated``: a trusted upstream said it; ``unmetered``: the held
amount, since the meter that was expected read nothing, or what an upstream stated is no amount;
empty: nothing was posted."""

State = Literal["pending", "posted", "voided"]


class Charge(Struct, frozen=True, gc=False):
    """What one exchange may cost, asked of the ledger before anything is forwarded.

    Attributes:
        id: names this attempt in `post` and `void`: made by the gateway before it asks, 32
            hexadecimal digits; asking again is safe by it.
        agent: the agent's name.
        accounts: the account path; the amount must fit every budget of every level.
        amount: the most it may cost.
        route: id of the route.
        request: id of the exchange.
        expire_seconds: after how many seconds nobody renewing it the hold is resolved.
        orphan: what it becomes then.
        price: the version of the price that the amount was computed by; empty where it has none.
        key: the client's ``Idempotency-Key``, 1-255 printable ASCII characters; within the agent,
            one key is charged once.
        fingerprint: of the request that came with the key: hexadecimal SHA-256 over its method,
            target and body.
    """

    id: str
    agent: str
    accounts: tuple[str, ...]
    amount: Money
    route: str
    request: str
    expire_seconds: float
    orphan: Ending
    price: str = ""
    key: str | None = None
    fingerprint: str | None = None


class Reservation(Struct, frozen=True, gc=False):
    """A charge that the ledger holds.

    Attributes:
        id: the charge's public id: the one it was asked with, unless an earlier attempt with the
            same agent and key was voided; then that one's.
        amount: what is held.
        expires_at: unix seconds by the database's clock.
    """

    id: str
    amount: Money
    expires_at: float


class Receipt(Struct, frozen=True, gc=False):
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
