"""What the desk asks of the books, and the plain form of it: one short transaction a work."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from typing import Protocol

from caracal_core.builtin.ledger import expiry, reserving, settling
from caracal_core.builtin.ledger.expiry import Resolved
from caracal_core.builtin.ledger.settling import End, Settlement
from caracal_core.domain import Charge, Reservation
from caracal_core.errors import Failure, Refusal
from caracal_core.ports import Database

Verdict = Reservation | Settlement | Refusal | Failure
"""What became of one work: its result, or its error as a value. `Refusal` and `Conflict` are final,
and nothing is done; after any other `Failure` it may be done or not, and may be repeated."""


class Store(Protocol):
    """Writes the books."""

    async def write(self, reserves: Sequence[Charge], ends: Sequence[End]) -> Sequence[Verdict]:
        """Hold the amounts of charges, then end reservations, each in the order given.

        Whatever an earlier try of the same work did is found and not done again. An id stands at
        most once among the reserves and once among the ends.

        Returns:
            One verdict for each work, those of the reserves first. A bad work harms no other.

        Raises:
            Failure: nothing is known of any; asking again is safe.
        """

    async def renew(self) -> int:
        """Renew this process's open holds that near their expiry; return how many."""

    async def now(self) -> float:
        """Return the store's clock: unix seconds."""

    async def resolve(self, most: int, at: float) -> Sequence[Resolved]:
        """End, by their charges' own rule, at most so many holds that had expired at an instant.

        This process's own are no orphans: they end so only at the age that no hold may pass.
        """


class PlainStore:
    """Implements `Store` with a short transaction for each work, all of one kind side by side.

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

    async def write(self, reserves: Sequence[Charge], ends: Sequence[End]) -> Sequence[Verdict]:
        held = await asyncio.gather(*(_said(self.reserve(charge)) for charge in reserves))
        ended = await asyncio.gather(*(_said(self.settle(end)) for end in ends))
        return [*held, *ended]

    async def reserve(self, charge: Charge) -> Reservation:
        """Hold one charge's amount."""
        return await reserving.reserve(self._database, charge, self._owner)

    async def settle(self, end: End) -> Settlement:
        """End one reservation."""
        return await settling.settle(self._database, end)

    async def renew(self) -> int:
        return await expiry.renew(self._database, self._owner, self._seconds, self._longest)

    async def now(self) -> float:
        return await expiry.now(self._database)

    async def resolve(self, most: int, at: float) -> Sequence[Resolved]:
        return await expiry.resolve(self._database, self._owner, most, self._longest, at)


async def _said(work: Awaitable[Reservation | Settlement]) -> Verdict:
    """Return what a work raised of the house's own errors as its verdict."""
    try:
        return await work
    except (Refusal, Failure) as error:
        return error
