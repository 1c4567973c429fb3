"""Those who write to the embedded store take turns, and whoever waits shares one commit."""

from __future__ import annotations

import asyncio
import sqlite3
from collections import deque
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, Generic, TypeVar

from caracal_core.errors import Failure
from caracal_core.ports import Transaction
from caracal_core.storage.errors import PART, OutcomeUnknown
from caracal_core.storage.sqlite_batch import Outcome, commit_together

MOST_TOGETHER = 256
"""How many works share one commit at most, so that the first does not wait long for the last."""

T = TypeVar("T")


class _Job(Generic[T]):
    """A work that waits for its turn or is being done."""

    __slots__ = ("receipt", "until", "work")

    def __init__(
        self,
        work: Transaction[T],
        receipt: asyncio.Future[T],
        until: float,
    ) -> None:
        self.work = work
        self.receipt = receipt
        self.until = until


class Writer:
    """Does works in a thread of its own, in the order of the calls.

    There is no timer: a work that finds nothing under way begins at once, and what comes while
    others are written is written together after them (group commit).

    Args:
        connection: the writer's own from now on, and closed by it.
        wait_seconds: how long a work waits for its turn.
    """

    def __init__(self, connection: sqlite3.Connection, wait_seconds: float) -> None:
        self._connection = connection
        self._wait_seconds = wait_seconds
        self._loop = asyncio.get_running_loop()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="caracal-writer")
        self._waiting: deque[_Job[Any]] = deque()
        self._expiry: asyncio.TimerHandle | None = None
        self._idle = asyncio.Event()
        self._idle.set()
        self._closing = False

    def do(self, work: Transaction[T]) -> asyncio.Future[T]:
        """Take a work over; the receipt has its result when it is committed.

        A work whose receipt is cancelled is dropped where it has not begun. One that has begun is
        carried out, as if its commit's answer had been lost.

        Raises:
            Failure: the store is closed. The receipt raises it too: where the work had no turn
                in time, suspended, or could not be committed.
        """
        if self._closing:
            raise Failure(PART, "the store is closed")
        until = self._loop.time() + self._wait_seconds
        job = _Job(work, self._loop.create_future(), until)
        self._waiting.append(job)
        if self._idle.is_set():
            self._idle.clear()
            self._loop.call_soon(self._begin)  # with all that this step of the loop still brings
        elif self._expiry is None:
            self._expiry = self._loop.call_at(until, self._expire)
        return job.receipt

    async def close(self) -> None:
        """Take nothing more, do what waits, and end the thread."""
        self._closing = True
        await self._idle.wait()
        if self._expiry is not None:
            self._expiry.cancel()
        await asyncio.to_thread(self._end)

    def _end(self) -> None:
        self._thread.shutdown()
        self._connection.close()

    def _begin(self) -> None:
        """Hand what waits to the thread, in one batch."""
        batch: list[_Job[Any]] = []
        while self._waiting and len(batch) < MOST_TOGETHER:
            job = self._waiting.popleft()
            if not job.receipt.done():
                batch.append(job)
        if not batch:
            self._idle.set()
            return
        works: list[Transaction[Any]] = [job.work for job in batch]
        run = self._loop.run_in_executor
        try:
            done = run(self._thread, commit_together, self._connection, works)
        except Exception as error:  # noqa: BLE001 - such as that no thread can be started
            works.clear()  # they stand in the queue all the same, for a thread that starts later
            self._answer(batch, _broken(batch, error))
        else:
            done.add_done_callback(partial(self._ended, batch))

    def _ended(self, batch: Sequence[_Job[Any]], done: asyncio.Future[Sequence[Outcome]]) -> None:
        """Hand out what became of a batch."""
        error = done.exception()
        self._answer(batch, done.result() if error is None else _broken(batch, error))

    def _answer(self, batch: Sequence[_Job[Any]], outcomes: Sequence[Outcome]) -> None:
        """Answer every job of a batch, and begin the next, whatever happens to this one."""
        try:
            for job, outcome in zip(batch, outcomes, strict=True):
                if job.receipt.done():
                    continue
                if outcome.error is None:
                    job.receipt.set_result(outcome.value)
                else:
                    job.receipt.set_exception(outcome.error)
        finally:
            for job in batch:
                if not job.receipt.done():
                    job.receipt.set_exception(OutcomeUnknown(PART, "the outcome was lost"))
            self._loop.call_soon(self._begin)  # behind those whom this woke up

    def _expire(self) -> None:
        """Fail what has waited too long; one timer serves all, for they wait equally long."""
        self._expiry = None
        now = self._loop.time()
        while self._waiting and self._waiting[0].until <= now:
            receipt = self._waiting.popleft().receipt
            if not receipt.done():
                error = f"no connection in {self._wait_seconds:g} s"
                receipt.set_exception(Failure(PART, error))
        if self._waiting:
            self._expiry = self._loop.call_at(self._waiting[0].until, self._expire)


def _broken(batch: Sequence[_Job[Any]], error: BaseException) -> Sequence[Outcome]:
    """Return what becomes of a batch that the thread did not carry out; each gets its own."""
    reason = f"the writer raised {type(error).__name__}"
    return [Outcome(error=Failure(PART, reason)) for _ in batch]
