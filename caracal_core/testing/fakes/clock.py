"""A clock that stands still until it is told to go on."""

from __future__ import annotations


class FakeClock:
    """Tells the time that the test set.

    Args:
        now: unix seconds at the start.
    """

    def __init__(self, now: float = 1_800_000_000.0) -> None:
        self._now = now
        self._monotonic = 0.0

    def now(self) -> float:
        return self._now

    def monotonic(self) -> float:
        return self._monotonic

    def advance(self, seconds: float) -> None:
        """Let time pass, for both readings.

        Raises:
            ValueError: a step back; `set` moves the wall clock alone, as an operator would.
        """
        if seconds < 0:
            raise ValueError("time does not go back; set() moves the wall clock")
        self._now += seconds
        self._monotonic += seconds

    def set(self, now: float) -> None:
        """Set the wall clock, forward or back; the monotonic reading stays."""
        self._now = now
