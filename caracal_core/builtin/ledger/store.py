"""What the desk asks of the books: batches of works, each written in one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Protocol

from caracal_core.builtin.ledger import expiry
from caracal_core.builtin.ledger.expiry import Resolved
from caracal_core.builtin.ledger.locked_rows import LockedRows
from caracal_core.builtin.ledger.settling import End
from caracal_core.builtin.ledger.verdict import Verdict
from caracal_core.builtin.ledger.writing import write
from caracal_core.domain import Charge
from caracal_core.ports import Database


class Store(Protocol):
    """Writes the books."""

    async def write(self, reserves: Sequence[Charge], ends: Sequence[End]) -> Sequence[Verdict]:
        """Hold the amounts of charges, then end reservations, each in the order given.

        Whatever an earlier try of the same work did is found and not done again. An id stands at
        most once among the reserves and once among the ends.

        Returns:
            One verdict for each work, those of the reserves first. A bad work harms no other.
            After a `PutOff` nothing was done; after another plain `Failure` it may be.

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


class BookStore:
    """Implements `Store` on either database.

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
        self._locked = LockedRows(database)
        self._write = partial(write, database, owner)

    async def write(self, reserves: Sequence[Charge], ends: Sequence[End]) -> Sequence[Verdict]:
        return await self._locked.write(reserves, ends, self._write)

    async def renew(self) -> int:
        return await expiry.renew(self._database, self._owner, self._seconds, self._longest)

    async def now(self) -> float:
        return await expiry.now(self._database)

    async def resolve(self, most: int, at: float) -> Sequence[Resolved]:
        return await expiry.resolve(self._database, self._owner, most, self._longest, at)
