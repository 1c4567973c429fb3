"""Deadlines without timers: a call is stamped, and one warden looks for the late."""

from __future__ import annotations

import asyncio
from math import inf
from time import monotonic

TICK_SECONDS = 0.05
"""How often the warden looks; a late call is struck at most two ticks after its deadline."""


class Due:
    """Until when the call that an exchange is in may take.

    A late call is struck: its task is cancelled, and again at each tick until it ends. The
    strikes are counted, so that they can be told from a client that hung up, and taken back,
    so that the connection's task lives on.

    Attributes:
        dismissed: whether the gateway itself ended the exchange, since it closes.
        left: until when, by the loop's clock, what goes on without the client may take; None while
            nothing does.
    """

    __slots__ = ("_before", "_own", "_seconds", "_strikes", "_task", "at", "dismissed", "left")

    def __init__(self, task: asyncio.Task[object], *, dismissed: bool = False) -> None:
        """Watch over the task of one exchange, or of one observer."""
        self._task = task
        self.dismissed = dismissed
        self._before = task.cancelling()
        self._own = task, self._before
        self._strikes = 0
        self._seconds = inf
        self.at = inf
        self.left: float | None = None

    def start(self, seconds: float) -> None:
        """Stamp the call that begins now."""
        self._seconds = seconds
        self.at = monotonic() + seconds

    def restart(self) -> None:
        """Give the running call its full time again, since there was progress."""
        self.at = monotonic() + self._seconds

    def pause(self) -> None:
        """Let the running call wait for somebody else, whose own deadline rules."""
        self.at = inf

    def stop(self) -> bool:
        """End the call; return whether it was late. Strikes that fell are taken back."""
        self._seconds = self.at = inf  # so that a late restart arms nothing
        strikes, self._strikes = self._strikes, 0
        for _ in range(strikes):
            self._task.uncancel()
        return strikes > 0

    def strike(self) -> None:
        """Cancel the late call; only the warden does."""
        self._strikes += 1
        self._task.cancel()

    def hand_over(self, task: asyncio.Task[object]) -> None:
        """Watch over a new task, in which the exchange goes on; its own only waits for it."""
        self._own = self._task, self._before
        self._task, self._before, self._strikes = task, 0, 0

    def take_back(self) -> None:
        """Watch over the exchange's own task again."""
        self._task, self._before = self._own
        self._seconds = self.at = inf
        self._strikes = 0

    def abandon(self) -> None:
        """Cancel the task as a client does that hangs up."""
        self._task.cancel()

    def dismiss(self) -> None:
        """End the exchange, or what goes on of it without its client; only the warden does.

        Whose client hung up before is not ended by the gateway.
        """
        if self.left is not None:
            self._task.cancel()
        elif not self.abandoned:
            self.dismissed = True
            self._task.cancel()

    def cut_short(self, error: BaseException | None) -> bool:
        """Whether it is the gateway's doing that this error ends the exchange."""
        return self.dismissed and isinstance(error, asyncio.CancelledError)

    @property
    def runs(self) -> bool:
        """Whether the task is the one that runs now; not while its coroutine is closed."""
        try:
            return asyncio.current_task() is self._task
        except RuntimeError:  # no loop is running
            return False

    @property
    def abandoned(self) -> bool:
        """Whether somebody else cancelled the task: the client hung up, or the house closes."""
        return self._task.cancelling() - self._strikes > self._before


class Warden:
    """Looks every tick for calls that are late, and ends all exchanges when the house closes."""

    def __init__(self) -> None:
        self._watched: set[Due] = set()
        self._exchanges: set[Due] = set()
        self._dismissed = False

    def __len__(self) -> int:
        """Return how many tasks are watched over."""
        return len(self._watched)

    def watch(self, *, exchange: bool = True) -> Due:
        """Start to watch over the current task.

        Args:
            exchange: whether it is an exchange's, which can be dismissed.
        """
        task = asyncio.current_task()
        assert task is not None, "an exchange runs in a task"  # noqa: S101 - asyncio's own promise
        due = Due(task, dismissed=exchange and self._dismissed)
        self._watched.add(due)
        if exchange:
            self._exchanges.add(due)
        return due

    def release(self, due: Due) -> None:
        """End the watch."""
        self._watched.discard(due)
        self._exchanges.discard(due)

    def dismiss(self) -> None:
        """End every exchange; whatever cancels a later one is the gateway's doing, too."""
        self._dismissed = True
        for due in self._exchanges:
            due.dismiss()

    async def patrol(self) -> None:
        """Strike the late, for ever."""
        while True:
            await asyncio.sleep(TICK_SECONDS)
            now = monotonic()
            for due in [due for due in self._watched if due.at < now]:
                due.strike()
