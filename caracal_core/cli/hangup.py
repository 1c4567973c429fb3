"""SIGHUP asks for a look at the configuration; neither it nor SIGUSR1 or 2 ends the process."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

_ENDURED = (signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)
"""What would kill by default, and is sent by a closed terminal, a log rotation's script, or by
somebody who is used to another gateway. SIGPIPE is ignored by Python itself."""


def endure() -> None:
    """Let these signals do nothing, from now to the end of the process."""
    for number in _ENDURED:
        signal.signal(number, _nothing)


@contextmanager
def heard(ask: Callable[[], None]) -> Iterator[None]:
    """Have every SIGHUP call ``ask`` on the running loop while the block runs.

    The handler is swapped, never taken away: asyncio's own would leave the deadly default for a
    moment, and for good once the loop is closed.
    """
    loop = asyncio.get_running_loop()

    def hear(_number: int, _frame: FrameType | None) -> None:
        loop.call_soon_threadsafe(ask)

    before = signal.signal(signal.SIGHUP, hear)
    try:
        yield
    finally:
        signal.signal(signal.SIGHUP, before)


def _nothing(_number: int, _frame: FrameType | None) -> None:
    """Be there: an ignored signal would be ignored by child processes too."""
