"""What stands behind an upstream: it plays a script and remembers what came."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

from caracal_core.testing.fakes.script import Answer, Received, Step


class FarSide:
    """The script to come and the requests that came, for tests to write and read.

    Attributes:
        received: the requests that arrived whole, in order.
    """

    def __init__(self) -> None:
        self.received: list[Received] = []
        self._steps: deque[Step] = deque()
        self._begun = 0
        self._busy = 0
        self._changed = asyncio.Event()

    def will(self, *steps: Step) -> None:
        """Add to the script: one step a request. Past its end every answer is a plain 200."""
        self._steps.extend(steps)

    async def leave(self) -> None:
        """Refuse every connection from now on."""
        raise NotImplementedError

    async def begun(self, count: int = 1) -> None:
        """Wait until so many requests have begun to arrive since the start."""
        await self._until(lambda: self._begun >= count)

    async def idle(self) -> None:
        """Wait until no call is in progress: each was answered to its end, or given up."""
        await self._until(lambda: self._busy == 0)

    def begin(self) -> None:
        """Note that a request begins to arrive; for whoever plays the far side."""
        self._begun += 1
        self._busy += 1
        self._changed.set()

    def end(self) -> None:
        """Note that a call was answered to its end or given up."""
        self._busy -= 1
        self._changed.set()

    def next_step(self, received: Received) -> Step:
        """Note a request that arrived whole, and return what to do about it."""
        self.received.append(received)
        return self._steps.popleft() if self._steps else Answer()

    async def _until(self, condition: Callable[[], bool]) -> None:
        while not condition():
            self._changed.clear()
            await self._changed.wait()
