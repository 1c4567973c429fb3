"""Used nonces in the memory of one process."""

from __future__ import annotations

from collections import deque
from math import floor

from caracal_core.builtin.replay.config import ReplayRules
from caracal_core.domain import Nonce
from caracal_core.errors import Failure, TimestampOutOfWindow
from caracal_core.ports import Clock

PART = "replay guard"
MARGIN_SECONDS = 5.0
"""How long a nonce is kept beyond its expiry, so that a corrected clock does no harm."""


class MemoryReplayGuard:
    """Implements `ReplayGuard` for one process.

    The stage has everything remembered for equally long, so the oldest is the first to expire.

    It never forgets a live nonce: full, or with the clock set back, it fails. What it cannot
    know is what an earlier process accepted, so it refuses timestamps from before its start.
    (A timestamp from ahead of that, which the earlier process took, passes once more: use the
    database where that matters.)

    Args:
        rules: the window, and how many nonces may live at once.
        clock: tells the time.
        first: whether no process before this one can have accepted a nonce.
    """

    def __init__(self, rules: ReplayRules, clock: Clock, *, first: bool = True) -> None:
        self._rules = rules
        self._clock = clock
        self._trusted_from = 0.0 if first else floor(clock.now())  # timestamps are whole seconds
        self._used: set[tuple[str, str]] = set()
        self._queue: deque[Nonce] = deque()
        self._forgotten_until = 0.0

    async def claim(self, nonce: Nonce) -> bool:
        now = self._clock.now()
        self._forget(now)
        key = (nonce.scope, nonce.value)
        if key in self._used:
            return False
        self._check(nonce, now)
        self._used.add(key)
        self._queue.append(nonce)
        return True

    def _forget(self, now: float) -> None:
        """Drop from the front what has expired; behind a later one it just stays longer."""
        queue = self._queue
        while queue and queue[0].expires_at + MARGIN_SECONDS <= now:
            nonce = queue.popleft()
            self._used.discard((nonce.scope, nonce.value))
            self._forgotten_until = max(self._forgotten_until, nonce.expires_at)

    def _check(self, nonce: Nonce, now: float) -> None:
        if now < self._forgotten_until:
            raise Failure(PART, f"the clock went back by {self._forgotten_until - now:.0f} s")
        if len(self._used) >= self._rules.nonce_cache_size:
            raise Failure(PART, f"{len(self._used)} nonces live: NONCE_CACHE_SIZE is reached")
        if issued_at(nonce, now, self._rules) < self._trusted_from:
            raise TimestampOutOfWindow(reason="older than this memory of nonces")


def issued_at(nonce: Nonce, now: float, rules: ReplayRules) -> float:
    """Return the request's timestamp, or the oldest that is accepted where it is not known."""
    return now - rules.timestamp_window if nonce.issued_at is None else nonce.issued_at
