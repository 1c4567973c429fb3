"""A metered call whose client is gone goes on, within limits, to learn what it did cost."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress

from msgspec import Struct

from caracal_core.stages.deadline import Due
from caracal_core.stages.metering import Metered

_log = logging.getLogger("caracal.charging")


class Limits(Struct, frozen=True):
    """How far calls go on.

    Attributes:
        seconds: for how long, each, the wait for a reply's head included.
        most_bytes: how much of its body is read, each.
        at_once: how many at the same time; further ones do not. An agent has at most as many as
            are free, so that it alone takes half, and others always find some.
    """

    seconds: float
    most_bytes: int
    at_once: int


class Draining:
    """Reads replies on for nobody but their meters."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._running: Counter[str] = Counter()  # by agent

    async def run(
        self, begun: Callable[[], Awaitable[Metered | None]], agent: str, due: Due
    ) -> None:
        """Read until the usage is known, the reply ends or breaks, or a limit is reached.

        The client is gone already, so nothing that cancels the exchange once more, as a
        connection does that is lost, ends this; the gateway's own end does.

        Args:
            begun: gives the reply's body once it begins, or None where no meter reads it.
            agent: whose call it is.
            due: the exchange's.
        """
        if self._running[agent] >= self._limits.at_once - self._running.total():
            _log.warning("a call whose client is gone does not go on: too many do")
            return
        self._running[agent] += 1
        reading = asyncio.create_task(self._read(begun), name="reading on")
        due.outlive(reading)
        try:
            while not reading.done():
                with suppress(asyncio.CancelledError):
                    await asyncio.wait({reading})
        finally:
            reading.cancel()
            due.outlive(None)
            self._running -= Counter((agent,))  # forgets who has none

    async def _read(self, begun: Callable[[], Awaitable[Metered | None]]) -> None:
        left = self._limits.most_bytes
        try:
            async with asyncio.timeout(self._limits.seconds):
                metered = await begun()
                while metered is not None and metered.reads and left > 0:
                    left -= await metered.draw()
        except StopAsyncIteration:
            return
        except BaseException as error:  # noqa: BLE001 - in a task SystemExit would end the process
            _log.info("a reply was not read to its usage: %s", type(error).__name__)
