"""Natural group commit: one batch is at the store while the next collects."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from caracal_core.builtin.ledger.errors import PART, Conflict, PutOff
from caracal_core.builtin.ledger.lines import Ending, Reserve, Work
from caracal_core.builtin.ledger.retry import pause
from caracal_core.builtin.ledger.settling import Settlement
from caracal_core.builtin.ledger.store import Store
from caracal_core.builtin.ledger.tally import Tally
from caracal_core.builtin.ledger.verdict import Verdict
from caracal_core.domain import Reservation
from caracal_core.errors import Failure, Refusal

log = logging.getLogger(__name__)

Reserved = Reservation | Refusal | Conflict
Settled = Settlement | Refusal | Conflict

HICCUPS = 3
"""So many batches in a row may fail before it is called a fault: the next tries come at once."""

PUT_OFF = 6
"""So often a reserve is put off, for about a second; then its agent is told."""

_RESERVED = (Reservation, Refusal, Conflict)
_SETTLED = (Settlement, Refusal, Conflict)

W = TypeVar("W", Reserve, Ending)


class GroupCommit:
    """Writes works in batches, and tries again what the store failed.

    There is no timer: a work that finds the store idle goes there at once, with everything that
    the same step of the loop brings; what comes meanwhile goes together after it.

    A batch that failed as a whole goes behind what collected meanwhile, and the next is half as
    large: a work that fails whatever batch it is in, or waits there for ever, is alone before long.
    Then it pauses by itself, ever longer, and the others go on.

    Args:
        store: writes the books.
        tally: is told when the store fails, and when it works again.
        reserved: told of what became of a reserve.
        settled: told of what became of an ending.
        given_up: told of a reserve that is not tried any more, and of the last failure.
        most: how many works may be in a batch.
        seconds: how long the store may take for one.
    """

    def __init__(
        self,
        store: Store,
        tally: Tally,
        *,
        reserved: Callable[[Reserve, Reserved], None],
        settled: Callable[[Ending, Settled], None],
        given_up: Callable[[Reserve, Exception], None],
        most: int,
        seconds: float,
    ) -> None:
        self._store = store
        self._tally = tally
        self._reserved = reserved
        self._settled = settled
        self._given_up = given_up
        self._limit = self._most = most
        self._seconds = seconds
        self._failures = 0
        self._reserves: deque[Reserve] = deque()
        self._endings: deque[Ending] = deque()
        self._reserves_turn = False
        self._paused: dict[str, asyncio.TimerHandle] = {}
        self._serving: asyncio.Task[None] | None = None

    @property
    def is_failing(self) -> bool:
        """Whether the store failed the last batches, one after the other."""
        return self._failures > HICCUPS

    def put(self, work: Work) -> None:
        """Take over a work of a charge of which no other is here."""
        if isinstance(work, Reserve):
            self._reserves.append(work)
        else:
            self._endings.append(work)
        if self._serving is None:
            self._serving = asyncio.create_task(self._serve(), name="group commit")

    async def close(self) -> None:
        """Stop for good; what is at the store may be done or not."""
        for timer in self._paused.values():
            timer.cancel()
        self._paused.clear()
        if self._serving is not None:
            self._serving.cancel()
            await asyncio.gather(self._serving, return_exceptions=True)

    async def _serve(self) -> None:
        """Write until nothing waits."""
        try:
            while self._endings or self._reserves:
                endings = _taken(self._endings, self._room_for_endings())
                reserves = _taken(self._reserves, self._most - len(endings))
                await self._write(reserves, endings)
        finally:
            self._serving = None

    def _room_for_endings(self) -> int:
        """Return how many may be in the next batch: they give room to others' holds, and go first.

        One place is left to a reserve that waits; where there is but one, they take turns.
        """
        if not (self._endings and self._reserves):
            return self._most
        if self._most > 1:
            return self._most - 1
        self._reserves_turn = not self._reserves_turn
        return 1 if self._reserves_turn else 0

    async def _write(self, reserves: Sequence[Reserve], endings: Sequence[Ending]) -> None:
        try:
            verdicts = await self._asked(reserves, endings)
        except Exception as error:  # noqa: BLE001 - whatever it is, nothing is known
            self._retreat(reserves, endings, error)
            self._failures += 1
            if self._endings or self._reserves:
                await asyncio.sleep(pause(self._failures - 1))
            return
        self._failures = 0
        self._most = min(self._most * 2, self._limit)
        failed = self._hand_out(reserves, verdicts, _RESERVED, self._reserved)
        failed += self._hand_out(endings, verdicts[len(reserves) :], _SETTLED, self._settled)
        try:
            self._tally.publish()
        except Exception:  # the books are written, whatever becomes of the counters
            log.exception("the charges of a batch are not all counted")
        if not failed:
            self._tally.worked()

    async def _asked(
        self, reserves: Sequence[Reserve], endings: Sequence[Ending]
    ) -> Sequence[Verdict]:
        """Ask the store; a cancellation that is not this task's own is a failure like others."""
        charges, ends = [work.charge for work in reserves], [work.end for work in endings]
        try:
            async with asyncio.timeout(self._seconds) as bound:
                verdicts = await self._store.write(charges, ends)
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            raise Failure(PART, "the store's own work was cancelled") from None
        except TimeoutError:
            if not bound.expired():
                raise
            raise Failure(PART, f"the store did not answer in {self._seconds:g} s") from None
        if len(verdicts) != len(charges) + len(ends):
            raise Failure(PART, "the store did not answer each work")
        return verdicts

    def _hand_out(
        self,
        works: Sequence[W],
        verdicts: Sequence[Verdict],
        final: tuple[type, ...],
        told: Callable[[W, Any], None],
    ) -> int:
        """Tell what became of each work; return of how many that is not known."""
        failed = 0
        for work, verdict in zip(works, verdicts, strict=False):
            try:
                if isinstance(verdict, final):
                    told(work, verdict)
                    continue
                error = _as_error(verdict)
            except Exception as raised:  # noqa: BLE001 - a neighbour's answer does not hang on it
                error = raised
            failed += not isinstance(error, PutOff)
            self._try_again(work, error)
        return failed

    def _try_again(self, work: Work, error: Exception) -> None:
        """Try one work again later, unless it is in vain; its neighbours were done."""
        loop = asyncio.get_running_loop()
        is_put_off = isinstance(error, PutOff)
        if is_put_off:
            self._tally.put_off()
        else:
            self._tally.failed(error)
        if isinstance(work, Reserve):
            work.doubtful |= not is_put_off
            if work.is_in_vain(loop.time()) or (is_put_off and work.failed >= PUT_OFF):
                self._given_up(work, error)
                return
        self._paused[work.id] = loop.call_later(pause(work.failed), self._resume, work)
        work.failed += 1

    def _resume(self, work: Work) -> None:
        del self._paused[work.id]
        self.put(work)

    def _retreat(
        self, reserves: Sequence[Reserve], endings: Sequence[Ending], error: Exception
    ) -> None:
        """Take a batch back, and give up every reserve that is in vain, also those not tried.

        One that was alone fails for itself, and comes back after a pause of its own.
        """
        works: list[Work] = [*reserves, *endings]
        self._most = max(1, len(works) // 2)
        for work in reserves:
            work.doubtful = True
        waiting = list(self._reserves)
        self._reserves.clear()
        if len(works) > 1:
            self._tally.failed(error)
            self._endings.extend(endings)
            waiting.extend(reserves)
        now = asyncio.get_running_loop().time()
        for work in waiting:
            if work.is_in_vain(now):
                self._given_up(work, error)
            else:
                self._reserves.append(work)
        if len(works) == 1:
            self._try_again(works[0], error)


def _taken(queue: deque[W], most: int) -> Sequence[W]:
    """Take so many out of a queue, or all."""
    if len(queue) > most:
        return [queue.popleft() for _ in range(most)]
    works = list(queue)
    queue.clear()
    return works


def _as_error(verdict: object) -> Exception:
    """Return why a work has to be tried again."""
    if isinstance(verdict, Exception):
        return verdict
    return Failure(PART, f"the store answered with a {type(verdict).__name__}")
