"""Readers in a stranger's hands: whatever one does, whoever asks it is answered in time.

A reader may hang, swallow its cancellation, or raise what only a loop may.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from caracal_core.errors import Misconfigured

T = TypeVar("T")

READ_SECONDS = 10.0
"""How long a read may take before it counts as a fault."""

CANCEL_SECONDS = 1.0
"""How long a read that is given up may take to end."""


class Unread(Exception):
    """It was not read, otherwise than by `Misconfigured`; the message completes "reading it"."""


class Reading(Generic[T]):
    """Reads the same again and again, never twice at a time: what hangs, hangs once.

    Args:
        read: reads once.
    """

    def __init__(self, read: Callable[[], Awaitable[T]]) -> None:
        self._read = read
        self._task: asyncio.Task[tuple[T | None, BaseException | None]] | None = None

    async def read(self, seconds: float) -> T:
        """Read, or wait for the read that hangs since an earlier call.

        Args:
            seconds: how long to wait.

        Raises:
            Misconfigured: the reader says so.
            Unread: it takes longer, and goes on; or it raised anything else, a cancellation of
                its own or `SystemExit` included.
        """
        if self._task is None:
            self._task = asyncio.create_task(self._once(), name="reading")
        try:
            done, _ = await asyncio.wait([self._task], timeout=seconds)
        except asyncio.CancelledError:
            await self.give_up()
            raise
        if not done:
            raise Unread(f"takes longer than {seconds:g} s")
        task, self._task = self._task, None
        return _judged(task)

    async def give_up(self) -> None:
        """Leave a read that hangs to itself; wait a moment for it to end."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task], timeout=CANCEL_SECONDS)

    async def _once(self) -> tuple[T | None, BaseException | None]:
        """Return what was read, or what was raised: a task lets `SystemExit` end the loop."""
        try:
            return await self._read(), None
        except BaseException as error:
            task = asyncio.current_task()
            if isinstance(error, asyncio.CancelledError) and (task is None or task.cancelling()):
                raise
            return None, error


def _judged(task: asyncio.Task[tuple[T | None, BaseException | None]]) -> T:
    if task.cancelled():
        raise Unread("was cancelled")
    value, error = task.result()
    if isinstance(error, Misconfigured):
        raise error
    if error is not None:
        raise Unread(f"raised {type(error).__name__}") from error
    return value  # type: ignore[return-value]  # None only where T is
