"""The keys that were asked for lately, remembered for a moment each."""

from __future__ import annotations

from msgspec import Struct

from caracal_auth_apikey.store import Record, find
from caracal_core.ports import Clock, Database
from caracal_core.recent import Recent


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
        most: how many keys are remembered; of ids that nobody issued a tenth as many.
    """

    def __init__(self, database: Database, clock: Clock, fresh_seconds: float, most: int) -> None:
        self._database, self._clock = database, clock
        # Ids that were made up must not crowd out those that were issued.
        self._recent = Recent[str, Found](
            self._ask, lambda found: found.record is not None, clock, fresh_seconds, most
        )

    async def find(self, id: str) -> Found:
        """Return what the database knows of a key.

        Raises:
            Failure: the database cannot be asked.
        """
        return await self._recent.get(id)

    async def _ask(self, id: str) -> Found:
        asked_at = self._clock.monotonic()
        return Found(await find(self._database, id), asked_at)
