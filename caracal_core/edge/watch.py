"""The deadlines of one connection on one timer, which is armed anew only when it rings."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from math import inf
from time import monotonic

from caracal_core.edge.limits import Limits

_SOONEST = 0.001


class Watch:
    """Looks at a connection at least as often as its shortest usual deadline.

    So a deadline that is set while a request is served needs no timer of its own, and is met
    in time all the same.

    Args:
        loop: the connection's event loop.
        limits: whose times are the usual deadlines.
        look: called when the timer rings.

    Attributes:
        reading: when the wait for the client's bytes ends, by the monotonic clock.
        writing: when the client must have taken something.
    """

    __slots__ = ("_ended", "_look", "_loop", "_period", "_rings_at", "_timer", "reading", "writing")

    def __init__(
        self, loop: asyncio.AbstractEventLoop, limits: Limits, look: Callable[[], None]
    ) -> None:
        self._loop = loop
        self._look = look
        self._ended = False
        self._period = min(
            limits.header_seconds,
            limits.keep_alive_seconds,
            limits.pace_seconds,
            limits.write_stall_seconds,
        )
        self.reading = self.writing = inf
        self._rings_at = monotonic() + self._period
        self._timer = loop.call_later(self._period, self._ring)

    def read_until(self, due: float) -> None:
        """Set when the wait for the client's bytes ends."""
        self.reading = due
        if due < self._rings_at:
            self._arm(due)

    def write_until(self, due: float) -> None:
        """Set when the client must have taken something."""
        self.writing = due
        if due < self._rings_at:
            self._arm(due)

    def end(self) -> None:
        """Stop looking."""
        self._ended = True
        self._timer.cancel()

    def _ring(self) -> None:
        self._look()
        if not self._ended:
            self._arm(min(self.reading, self.writing, monotonic() + self._period))

    def _arm(self, due: float) -> None:
        self._timer.cancel()
        self._rings_at = due
        self._timer = self._loop.call_later(max(_SOONEST, due - monotonic()), self._ring)
