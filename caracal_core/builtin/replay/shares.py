"""One agent must not fill the store for the others."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Awaitable, Callable

from caracal_core.errors import Failure
from caracal_core.ports import Clock

PART = "replay guard"
SCOPES_MAX = 10_000
RECOUNT_SECONDS = 1.0


class _Share:
    """One scope's nonces: those counted in the store, and those claimed here since."""

    __slots__ = ("counted", "counted_at", "since")

    def __init__(self) -> None:
        self.counted, self.counted_at, self.since = 0, 0.0, 0


class Shares:
    """Keeps each scope to its share without counting at each claim.

    The store is counted after each tenth of a share that this process claimed, so that every
    process may go over the limit by a tenth.

    Args:
        limit: how many nonces of one scope may be stored.
        clock: measures how long a full share is taken for full.
        count: counts a scope's stored nonces, up to the limit.
    """

    def __init__(self, limit: int, clock: Clock, count: Callable[[str], Awaitable[int]]) -> None:
        self._limit = limit
        self._step = max(limit // 10, 1)
        self._clock = clock
        self._count = count
        self._shares: OrderedDict[str, _Share] = OrderedDict()

    async def take(self, scope: str) -> None:
        """Take one of the scope's share.

        Raises:
            Failure: the share is full, or cannot be counted.
        """
        share = self._share(scope)
        if share.since >= self._step or (self._is_full(share) and self._is_old(share)):
            share.since, share.counted_at = 0, self._clock.monotonic()
            share.counted = await self._count(scope)
        if self._is_full(share):
            raise Failure(PART, f"{scope} has used up its share of {self._limit} live nonces")
        share.since += 1

    def _share(self, scope: str) -> _Share:
        share = self._shares.get(scope)
        if share is None:
            share = self._shares[scope] = _Share()
            if len(self._shares) > SCOPES_MAX:
                self._shares.popitem(last=False)
        self._shares.move_to_end(scope)
        return share

    def _is_full(self, share: _Share) -> bool:
        return share.counted + share.since >= self._limit

    def _is_old(self, share: _Share) -> bool:
        return self._clock.monotonic() - share.counted_at >= RECOUNT_SECONDS
