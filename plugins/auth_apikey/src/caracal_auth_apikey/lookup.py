"""The keys that were asked for lately, remembered for a moment each."""

from __future__ import annotations

from msgspec import Struct

from caracal_auth_apikey.store import Record, find
from caracal_core.ports import Clock, Database

UNKNOWN_SHARE = 10
"""One in so many places is for ids that nobody issued."""


class Found(Struct, frozen=True):
    """An answer of the database.

    Attributes:
        record: what it knew; None where it does not know the id.
        asked_at: monotonic seconds just before it was asked.
    """

    record: Record | None
    asked_at: float

    def has_ended(self, monotonic: float) -> bool:
        """Return whether the key has ended by the database's clock.

        The database said in how many seconds; they are counted by a clock that nobody sets, so
        that gateways whose clocks are wrong judge alike.
        """
        if self.record is None or self.record.ends_in is None:
            return False
        return monotonic - self.asked_at >= self.record.ends_in


class Lookup:
    """Finds keys by their ids, at most ``fresh_seconds`` out of date.

    Args:
        database: where the keys are.
        clock: measures how old an answer is.
        fresh_seconds: how long an answer is believed.
        most: how many keys are remembered.
    """

    def __init__(self, database: Database, clock: Clock, fresh_seconds: float, most: int) -> None:
        self._database, self._clock = database, clock
        self._fresh_seconds = fresh_seconds
        self._most, self._most_unknown = most, most // UNKNOWN_SHARE
        self._known: dict[str, Found] = {}
        self._unknown: dict[str, Found] = {}

    async def find(self, id: str) -> Found:
        """Return what the database knows of a key.

        Raises:
            Failure: the database cannot be asked.
        """
        asked_at = self._clock.monotonic()
        found = self._known.get(id) or self._unknown.get(id)
        if found is None or asked_at - found.asked_at >= self._fresh_seconds:
            found = Found(await find(self._database, id), asked_at)
            self._remember(id, found)
        return found

    def _remember(self, id: str, found: Found) -> None:
        """Remember an answer instead of any earlier one; the oldest makes room."""
        self._known.pop(id, None)
        self._unknown.pop(id, None)
        # Ids that were made up must not crowd out those that were issued.
        memory, most = (
            (self._unknown, self._most_unknown)
            if found.record is None
            else (self._known, self._most)
        )
        if len(memory) >= most:
            del memory[next(iter(memory))]
        memory[id] = found
