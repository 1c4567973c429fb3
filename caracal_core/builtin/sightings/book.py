"""Sightings on their way to the store: counted in memory, written in batches."""

from __future__ import annotations

import asyncio
from itertools import islice

from caracal_core.domain import Exchange
from caracal_core.ports import Counter, Database
from caracal_core.storage.sightings import DAY_SECONDS, Seen, add

MOST = 10_000
"""Different sightings that may wait to be written; past it new ones are not counted."""
BATCH = 500
END_SECONDS = 4.0
"""How long a cancelled writer waits for its batch."""

_Words = tuple[str, ...]
_Key = tuple[str, int, _Words, _Words, _Words, _Words]


class SightingsBook:
    """Implements `Observer`: counts who was let in with what; never a credential.

    What cannot be written stays until it can. A batch whose connection was lost while it was
    written may be counted twice, and is never forgotten; a process that is killed loses what it
    had not written.

    Args:
        database: where it is written.
        lost: counts exchanges that were not counted.
    """

    def __init__(self, database: Database, lost: Counter) -> None:
        self._database = database
        self._lost = lost
        self._counts: dict[_Key, int] = {}

    async def observe(self, exchange: Exchange) -> None:
        if exchange.agent is None:
            return
        key = (
            exchange.agent,
            int(exchange.started_at // DAY_SECONDS),
            exchange.shown,
            exchange.proved,
            exchange.trial_proved,
            exchange.trial_refused,
        )
        if key in self._counts:
            self._counts[key] += 1
        elif len(self._counts) < MOST and Seen(*key).fits:
            self._counts[key] = 1
        else:
            self._lost.add()

    async def write(self) -> None:
        """Write what was counted so far.

        Raises:
            Failure: the database cannot be asked; nothing is lost by it.
        """
        waiting, self._counts = self._counts, {}
        try:
            while waiting:
                await self._write_some(waiting)
        finally:
            self._take_back(waiting)

    async def _write_some(self, waiting: dict[_Key, int]) -> None:
        """Write one batch, and forget it; a cancelled writer first sees it end, or gives up."""
        batch = dict(islice(waiting.items(), BATCH))
        counts = {Seen(*key): count for key, count in batch.items()}
        adding = asyncio.ensure_future(add(self._database, counts))
        try:
            await asyncio.wait([adding])
        except asyncio.CancelledError:
            await asyncio.wait([adding], timeout=END_SECONDS)
            raise
        finally:
            if not adding.done():
                adding.cancel()
            elif not adding.cancelled() and adding.exception() is None:
                for key in batch:
                    del waiting[key]
        adding.result()

    def _take_back(self, waiting: dict[_Key, int]) -> None:
        for key, count in waiting.items():
            if key in self._counts or len(self._counts) < MOST:
                self._counts[key] = self._counts.get(key, 0) + count
            else:
                self._lost.add(count)
