"""The works of one charge stand in line; those of different charges are done side by side."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Generic, TypeVar

from caracal_core.builtin.ledger.errors import PART
from caracal_core.builtin.ledger.retry import insist
from caracal_core.builtin.ledger.tally import Tally
from caracal_core.errors import Failure, Refusal

T = TypeVar("T")


class Work(Generic[T]):
    """One verb in hand.

    Args:
        attempt: tries it once, told how many tries failed before.
        until: when to stop trying, by the loop's clock; None tries until it is done.
    """

    __slots__ = ("_attempt", "_until", "receipt")

    def __init__(self, attempt: Callable[[int], Awaitable[T]], until: float | None = None) -> None:
        self._attempt = attempt
        self._until = until
        self.receipt: asyncio.Future[T] = asyncio.get_running_loop().create_future()

    async def do(self, turns: asyncio.Semaphore, tally: Tally) -> None:
        """Do it, and say on the receipt how it went."""

        def gives_up(error: Exception) -> bool:
            tally.failed(error)
            return self._is_in_vain()

        try:
            done = await insist(partial(self._once, turns), gives_up)
        except Refusal as refusal:
            tally.worked()
            self.fail(refusal)
        except Failure as failure:
            self.fail(failure)
        except Exception as error:  # noqa: BLE001 - whatever it is, the work is not done
            self.fail(Failure(PART, f"raised {type(error).__name__}"))
        else:
            tally.worked()
            if not self.receipt.done():
                self.receipt.set_result(done)

    def fail(self, error: Exception) -> None:
        """Say on the receipt that it is not done."""
        if not self.receipt.done():
            self.receipt.set_exception(error)
            self.receipt.exception()  # nobody has to look at it

    async def _once(self, turns: asyncio.Semaphore, failed: int) -> T:
        """Try it; a cancellation that is not this task's own is a failure like others."""
        async with turns:
            try:
                return await self._attempt(failed)
            except asyncio.CancelledError:
                task = asyncio.current_task()
                if task is None or task.cancelling():
                    raise
                raise Failure(PART, "the store's own work was cancelled") from None

    def _is_in_vain(self) -> bool:
        """Return whether nobody waits for it any more, which no ending minds."""
        if self._until is None:
            return False
        return self.receipt.done() or asyncio.get_running_loop().time() >= self._until


class Lines:
    """Does works, in order for each charge, so many at once over all.

    Cancelling a receipt never cancels its work.

    Args:
        at_once: how many works may be at the store at the same time.
        tally: is told when the store fails, and when it works again.
    """

    def __init__(self, at_once: int, tally: Tally) -> None:
        self._turns = asyncio.Semaphore(at_once)
        self._tally = tally
        self._lines: dict[str, deque[Work[Any]]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._in_hand = 0
        self._closed = False

    def __contains__(self, id: str) -> bool:
        """Return whether works of this charge are in hand."""
        return id in self._lines

    def __len__(self) -> int:
        """Return how many works are in hand."""
        return self._in_hand

    def add(self, id: str, work: Work[T]) -> asyncio.Future[T]:
        """Take work over, behind what stands in line for the same charge; return its receipt."""
        if self._closed:
            work.fail(_closed())
            return work.receipt
        self._in_hand += 1
        line = self._lines.get(id)
        if line is None:
            line = self._lines[id] = deque()
            task = asyncio.create_task(self._serve(id, line), name=f"charge {id}")
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        line.append(work)
        return work.receipt

    async def drain(self, seconds: float) -> int:
        """Wait until nothing is in hand, at most so long; then take nothing more.

        Returns:
            How many works were given up.
        """
        loop = asyncio.get_running_loop()
        until = loop.time() + seconds
        while self._tasks and (left := until - loop.time()) > 0:
            await asyncio.wait(self._tasks, timeout=left)
        self._closed = True
        given_up = self._in_hand
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        return given_up

    async def _serve(self, id: str, line: deque[Work[Any]]) -> None:
        try:
            while line:
                await line[0].do(self._turns, self._tally)
                line.popleft()
                self._in_hand -= 1
        finally:
            del self._lines[id]
            self._in_hand -= len(line)
            for work in line:
                work.fail(_closed())


def _closed() -> Failure:
    return Failure(PART, "the ledger was closed before this was done")
