"""A metered call whose client is gone goes on, within limits, to learn what it did cost."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import TypeAlias

from msgspec import Struct

from caracal_core.stages.deadline import Due
from caracal_core.stages.metering import Metered

_Call: TypeAlias = "asyncio.Task[BaseException | None]"
_log = logging.getLogger("caracal.charging")


class Limits(Struct, frozen=True):
    """How far calls go on.

    Attributes:
        seconds: for how long, each, the wait for a reply's head included.
        most_bytes: how much of its body is read, each.
        at_once: how many at the same time; further ones do not. An agent has at most as many as
            are free, so that it alone takes half, and others find some.
    """

    seconds: float
    most_bytes: int
    at_once: int


class Draining:
    """Sees calls through for nobody but their meters."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._running: Counter[str] = Counter()  # by agent

    async def see_through(
        self,
        call: Callable[[], Awaitable[None]],
        agent: str,
        waits: Callable[[], bool],
        due: Due,
    ) -> None:
        """Lead a call in a task of its own, so that its client may leave before the reply begins.

        Once it goes on without its client, nothing that cancels the exchange again, as a
        connection does that is lost, ends it; the limits and the gateway's own end do.

        Args:
            call: from the hold to the reply's end.
            agent: whose call it is.
            waits: whether it is to go on where the client leaves now. Where not, it is cancelled.
            due: the exchange's, which watches over that task meanwhile.

        Raises:
            CancelledError: the client is gone, or the gateway ends.
            BaseException: what the call raised.
        """
        task = asyncio.create_task(_outcome(call), name="metered call")
        due.hand_over(task)
        try:
            await self._accompany(task, agent, waits, due)
        finally:
            task.cancel()
            due.take_back()
            if due.left is not None:
                self._running -= Counter((agent,))  # forgets who has none
        await _pass_on(task, due)

    def go_on(self, agent: str, due: Due) -> bool:
        """Note that the client is gone; return whether the call goes on within the limits."""
        if due.left is not None:
            return True
        if self._running[agent] >= self._limits.at_once - self._running.total():
            _log.warning("a call whose client is gone does not go on: too many do")
            return False
        self._running[agent] += 1
        due.left = asyncio.get_running_loop().time() + self._limits.seconds
        return True

    async def read(self, metered: Metered, due: Due) -> None:
        """Read a reply until the usage is known, it ends or breaks, or a limit is reached."""
        left = self._limits.most_bytes
        try:
            async with asyncio.timeout_at(due.left):
                while metered.reads and left > 0:
                    left -= await metered.draw()
        except StopAsyncIteration:
            return
        except BaseException as error:  # noqa: BLE001 - whatever it is, the call ends as it would
            _log.info("a reply was not read to its usage: %s", type(error).__name__)

    async def _accompany(
        self, task: _Call, agent: str, waits: Callable[[], bool], due: Due
    ) -> None:
        """Wait for the call; a client that leaves ends it where nothing is left to learn."""
        now, is_over_limit = asyncio.get_running_loop().time, False
        while not task.done():
            try:
                if due.left is None or is_over_limit:
                    await asyncio.shield(task)
                elif not await _ended(task, max(due.left - now(), 0.0)):
                    is_over_limit = task.cancel()  # once: it may need a moment to leave
            except asyncio.CancelledError:
                is_over = task.done() or due.left is not None
                if not (is_over or (waits() and self.go_on(agent, due))):
                    task.cancel()


async def _ended(task: _Call, seconds: float) -> bool:
    """Wait for the call for at most so long; return whether it is over."""
    return bool((await asyncio.wait({task}, timeout=seconds))[0])


async def _outcome(call: Callable[[], Awaitable[None]]) -> BaseException | None:
    """Return what a call raised, which in a task could end the process."""
    try:
        await call()
    except BaseException as error:  # noqa: BLE001 - it is raised in the exchange's own task
        return error
    return None


async def _pass_on(task: _Call, due: Due) -> None:
    """Raise what became of the call: where its client is gone, that, whatever else.

    Who closes on getting the last byte has been answered, however soon that is.
    """
    outcome = asyncio.CancelledError() if task.cancelled() else task.result()
    if outcome is None and due.left is None:
        return
    if isinstance(outcome, asyncio.CancelledError) and task.cancelling() and not due.abandoned:
        due.abandon()
        await asyncio.sleep(0)
    if due.abandoned:
        raise asyncio.CancelledError from outcome
    if outcome is not None:
        raise outcome
