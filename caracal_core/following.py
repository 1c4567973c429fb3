"""Files that are swapped under a running gateway: taken up when they change, all by one rule.

Contents are compared, not times: mounted secrets are swapped by a link, and two versions may
bear the same time and size.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from caracal_core.errors import Misconfigured
from caracal_core.ports import Counter, FileReader
from caracal_core.reading import READ_SECONDS, Reading, Unread

SECONDS = 2.0
"""How often a file is looked at, unless somebody says otherwise."""

END_SECONDS = 5.0
"""How long following may take to end."""


class Follower:
    """Looks at one reader's files again and again; a broken new state leaves the last good one.

    Args:
        what: names it for people, such as ``key in /etc/caracal/tls/jwt_public.pem``.
        reader: reads it.
        log: is told of each change once, and of each fault once.
        taken_up: counts the changes that are in force.
        refused: counts the faults.
        seconds: between two looks; `SECONDS` unless given.
    """

    def __init__(
        self,
        what: str,
        reader: FileReader,
        log: logging.Logger,
        taken_up: Counter,
        refused: Counter,
        seconds: float | None = None,
    ) -> None:
        self._what, self._reader, self._log = what, reader, log
        self._reading = Reading(self._read)
        self._taken_up, self._refused = taken_up, refused
        self._seconds = SECONDS if seconds is None else seconds
        self._fault = ""

    @property
    def broken(self) -> bool:
        """Whether what stands there now cannot be used, and the last good state is in force."""
        return bool(self._fault)

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            await asyncio.sleep(self._seconds)
            await self.look()

    async def look(self) -> None:
        """Take up what changed; tell once of each fault, and go on with the last good state.

        A read that hangs is a fault, and the next look waits for the same one: else each look
        would leave another thread in a dead mount.
        """
        try:
            changed, fault = await self._reading.read(READ_SECONDS), ""
        except Misconfigured as error:
            changed, fault = False, str(error)
        except Unread as error:
            changed, fault = False, f"Reading the {self._what} {error}."
        if changed:
            self._taken_up.add()
            self._log.info("%s: what is there now is in force", self._what)
        if fault and fault != self._fault:
            self._refused.add()
            self._log.error(
                "%s: what is there now is not used, what was in force stays: %s", self._what, fault
            )
        self._fault = fault

    async def _read(self) -> bool:
        return await self._reader.read()


@asynccontextmanager
async def following(followers: Sequence[Follower]) -> AsyncIterator[None]:
    """Follow them while the block runs, each in a task of its own: one may hang in its mount.

    One that does not end within `END_SECONDS` is left to itself.
    """
    tasks = [asyncio.create_task(each.run(), name="following") for each in followers]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=END_SECONDS)
