"""What has to be done to the books again and again."""

from __future__ import annotations

import asyncio
import math

from caracal_core.builtin.ledger.store import Store
from caracal_core.builtin.ledger.tally import Tally
from caracal_core.ports import Clock

LONGEST_GAP_PERIODS = 2
"""Between two renewals; holds are renewed in time to outlast a longer gap than this."""
CALM_PERIODS = 3
"""A renewal that hung while the store came back, a pause, and a renewal that works."""


class Upkeep:
    """Renews what this process holds, and ends what others hold and do not renew.

    A store that was away kept the others from renewing too, and a process that has just begun
    cannot know whether it was. So nothing is ended before the store answered without a gap for
    so long that whoever lives has renewed.

    Args:
        store: has the holds.
        tally: counts what was ended.
        period: seconds from one renewal to the next, here as in every other process.
        batch: how many holds are ended in one transaction.
        clock: measures how long the store has been calm.
    """

    def __init__(self, store: Store, tally: Tally, period: float, batch: int, clock: Clock) -> None:
        self._store = store
        self._tally = tally
        self._period = period
        self._batch = batch
        self._clock = clock
        self._calm_since = self._renewed_at = -math.inf

    async def renew(self) -> None:
        """Renew this process's holds, and note when the store was last away.

        Raises:
            Failure: the store cannot be asked.
        """
        await self._store.renew()
        now = self._clock.monotonic()
        if now - self._renewed_at > self._period * LONGEST_GAP_PERIODS:
            self._calm_since = now
        self._renewed_at = now

    async def reap(self) -> None:
        """Wait until it is safe, then end every hold that had expired, in batches.

        Raises:
            Failure: the store cannot be asked.
        """
        at = await self._calm()
        while True:
            resolved = await self._store.resolve(self._batch, at)
            if resolved:
                self._tally.resolved(resolved)
            if len(resolved) < self._batch:
                return

    async def _calm(self) -> float:
        """Renew until the store has been calm for long enough.

        Returns:
            An instant by the store's clock at which it was: however long what follows may hang,
            a hold that had expired by then belongs to nobody who lives.
        """
        while True:
            at = await self._store.now()
            await self.renew()
            if self._renewed_at - self._calm_since >= self._period * CALM_PERIODS:
                return at
            await asyncio.sleep(self._period)
