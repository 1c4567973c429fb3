"""A metered reply whose client is gone is read on, within limits, to learn what it did cost."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress

from msgspec import Struct

from caracal_core.stages.deadline import Due
from caracal_core.stages.metering import Metered

_log = logging.getLogger("caracal.charging")


class Limits(Struct, frozen=True):
    """How far replies are read on.

    Attributes:
        seconds: for how long, each.
        most_bytes: how much of it, each.
        at_once: how many at the same time; further ones are not.
    """

    seconds: float
    most_bytes: int
    at_once: int


class Draining:
    """Reads replies on for nobody but their meters."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._running = 0

    async def run(self, metered: Metered, due: Due) -> None:
        """Read until the usage is known, the reply ends or breaks, or a limit is reached.

        The client is gone already, so nothing that cancels the exchange once more, as a
        connection does that is lost, ends this; the gateway's own end does.
        """
        if self._running >= self._limits.at_once:
            _log.warning("a reply whose client is gone is not read on: too many are")
            return
        self._running += 1
        reading = asyncio.create_task(self._read(metered), name="reading on")
        due.outlive(reading)
        try:
            while not reading.done():
                with suppress(asyncio.CancelledError):
                    await asyncio.wait({reading})
        finally:
            reading.cancel()
            due.outlive(None)
            self._running -= 1

    async def _read(self, metered: Metered) -> None:
        left = self._limits.most_bytes
        try:
            async with asyncio.timeout(self._limits.seconds):
                while metered.reads and left > 0:
                    left -= await metered.draw()
        except StopAsyncIteration:
            return
        except BaseException as error:  # noqa: BLE001 - in a task SystemExit would end the process
            _log.info("a reply was not read to its usage: %s", type(error).__name__)
