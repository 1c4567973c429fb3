"""What the desk asks of the books, and the plain form of it: one short transaction a verb."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from caracal_core.builtin.ledger import expiry, reserving, settling
from caracal_core.builtin.ledger.expiry import Resolved
from caracal_core.builtin.ledger.settling import End, Settlement
from caracal_core.domain import Charge, Reservation
from caracal_core.ports import Database


class Store(Protocol):
    """Writes the books.

    A verb that raised `Failure` may be done or not, and may be repeated; `Conflict` and
    `Refusal` are final, and nothing is done.
    """

    async def reserve(self, charge: Charge) -> Reservation:
        """Hold the charge's amount, or find what an earlier try of the same charge holds."""

    async def settle(self, end: End) -> Settlement:
        """End a reservation, or find how it ended before."""

    async def renew(self) -> int:
        """Renew this process's open holds that near their expiry; return how many."""

    async def now(self) -> float:
        """Return the store's clock: unix seconds."""

    async def resolve(self, most: int, at: float) -> Sequence[Resolved]:
        """End, by their charges' own rule, at most so many holds that had expired at an instant.

        This process's own are no orphans: they end so only at the age that no hold may pass.
        """


class PlainStore:
    """Implements `Store` with a short transaction for each verb.

    Args:
        database: where the books are.
        owner: this process's start, which renews what it holds.
        seconds: how long a renewed hold lasts.
        longest: how old a hold may become, in seconds.
    """

    def __init__(self, database: Database, owner: str, seconds: float, longest: float) -> None:
        self._database = database
        self._owner = owner
        self._seconds = seconds
        self._longest = longest

    async def reserve(self, charge: Charge) -> Reservation:
        return await reserving.reserve(self._database, charge, self._owner)

    async def settle(self, end: End) -> Settlement:
        return await settling.settle(self._database, end)

    async def renew(self) -> int:
        return await expiry.renew(self._database, self._owner, self._seconds, self._longest)

    async def now(self) -> float:
        return await expiry.now(self._database)

    async def resolve(self, most: int, at: float) -> Sequence[Resolved]:
        return await expiry.resolve(self._database, self._owner, most, self._longest, at)
