"""Where the corridor hands its charges in: every verb is taken over at once."""

from __future__ import annotations

import asyncio
from typing import Any

from caracal_core.builtin.ledger.errors import PART, Conflict
from caracal_core.builtin.ledger.group_commit import GroupCommit, Reserved, Settled
from caracal_core.builtin.ledger.lines import Ending, Lines, Reserve, Work
from caracal_core.builtin.ledger.settling import NO_CURRENCY, End, Settlement
from caracal_core.builtin.ledger.store import Store
from caracal_core.builtin.ledger.tally import Tally
from caracal_core.builtin.ledger.unheld import Unheld
from caracal_core.domain import Basis, Cause, Charge, Money, Receipt, Reservation
from caracal_core.errors import BudgetExceeded, Failure, Refusal

MOST_IN_HAND = 10_000
MOST_TOGETHER = 256
RESERVE_SECONDS = 10.0
WRITE_SECONDS = 10.0


class LedgerDesk:
    """Implements `Ledger` over a store, whatever the store's form.

    A receipt is a bare future: cancelling who waits for it, or the receipt itself, never cancels
    the work. The works of one charge are done in the order of the calls, each in a batch after
    the one before it was answered. What ends a charge is tried until it is done. A reserve is
    tried for a limited time and while somebody waits; where the store failed it, what became of
    it is unknown, and the end that follows in line settles it.

    Args:
        store: writes the books.
        tally: counts.
        most_together: how many works may share a batch.
        most_in_hand: with so much in hand, reserves are turned away; endings never are.
        reserve_seconds: how long a reserve is tried again.
        write_seconds: how long the store may take for a batch before it is tried again.
    """

    name = "ledger"

    def __init__(
        self,
        store: Store,
        tally: Tally,
        *,
        most_together: int = MOST_TOGETHER,
        most_in_hand: int = MOST_IN_HAND,
        reserve_seconds: float = RESERVE_SECONDS,
        write_seconds: float = WRITE_SECONDS,
    ) -> None:
        self._tally = tally
        self._most_in_hand = most_in_hand
        self._reserve_seconds = reserve_seconds
        self._lines = Lines()
        self._commits = GroupCommit(
            store,
            tally,
            reserved=self._reserved,
            settled=self._settled,
            given_up=self._gave_up,
            most=most_together,
            seconds=write_seconds,
        )
        self._unheld = Unheld(most_in_hand)
        self._open: dict[str, Money] = {}
        self._closing = self._closed = False

    @property
    def in_hand(self) -> int:
        """How many works were taken over and are not done."""
        return self._lines.in_hand

    @property
    def open(self) -> int:
        """How many charges were taken over and have not ended."""
        return len(self._open)

    def reserve(self, charge: Charge) -> asyncio.Future[Reservation]:
        loop = asyncio.get_running_loop()
        receipt: asyncio.Future[Reservation] = loop.create_future()
        if self._closing or self._lines.in_hand >= self._most_in_hand:
            self._turn_away(charge.id, receipt)
        else:
            until = loop.time() + self._reserve_seconds
            self._take_over(Reserve(charge.id, receipt, charge, until))
        return receipt

    def post(
        self, id: str, amount: Money, cause: Cause, basis: Basis = "held"
    ) -> asyncio.Future[Receipt]:
        return self._end(End(id, cause, amount, basis))

    def void(self, id: str, cause: Cause) -> asyncio.Future[Receipt]:
        return self._end(End(id, cause))

    async def check(self) -> str | None:
        """Return None while reserves are taken, else what is wrong; a `HealthCheck`."""
        if self.in_hand >= self._most_in_hand:
            return f"{self.in_hand} charges wait for the store, and new ones are turned away"
        if self.in_hand and self._commits.is_failing:
            return f"the store failed again and again; {self.in_hand} charges wait for the next try"
        return None

    async def drain(self, seconds: float) -> int:
        """Take no more reserves and wait until everything in hand is done, at most so long.

        Returns:
            How many works were given up. Their holds stay, can be seen with
            ``caracal charges list``, and are resolved at their expiry.
        """
        self._closing = True
        await self._lines.emptied(seconds)
        self._closed = True
        await self._commits.close()
        given_up = self._lines.clear()
        for work in given_up:
            _fail(work.receipt, _is_closed())
        return len(given_up)

    def _end(self, end: End) -> asyncio.Future[Receipt]:
        receipt: asyncio.Future[Receipt] = asyncio.get_running_loop().create_future()
        self._take_over(Ending(end.id, receipt, end))
        return receipt

    def _take_over(self, work: Work) -> None:
        if self._closed:
            if not self._is_answered(work):
                _fail(work.receipt, _is_closed())
        elif self._lines.add(work):
            if self._is_answered(work):
                self._leave(work)
            else:
                self._commits.put(work)

    def _leave(self, work: Work) -> None:
        """Give the next in line its turn; where that needs no store, the one after it, too."""
        after = self._lines.leave(work)
        while after is not None and self._is_answered(after):
            after = self._lines.leave(after)
        if after is not None:
            self._commits.put(after)

    def _is_answered(self, work: Work) -> bool:
        """Answer a work that needs no store; return whether it is one."""
        if isinstance(work, Ending):
            if work.end.amount is not None:
                self._unheld.discard(work.id)
                return False
            if not self._unheld.void(work.id):
                return False
            if not work.receipt.done():
                work.receipt.set_result(_nothing_held(work.end))
            return True
        if not self._unheld.asked_again(work.id):
            _fail(work.receipt, Conflict(PART, f"the charge {work.id} has ended already: voided"))
            return True
        work.doubtful = work.id in self._open
        self._open[work.id] = work.charge.amount
        return False

    def _reserved(self, work: Reserve, verdict: Reserved) -> None:
        if not isinstance(verdict, Reservation):
            self._refuse(work, verdict)
        else:
            self._tally.held(work.charge.amount)
            if not work.receipt.done():
                work.receipt.set_result(verdict)
        self._leave(work)

    def _refuse(self, work: Reserve, error: Refusal | Conflict) -> None:
        if isinstance(error, BudgetExceeded):
            self._tally.refused(error.needed)
        if isinstance(error, Refusal) and not work.doubtful:
            self._hold_nothing(work.id)
        _fail(work.receipt, error)

    def _settled(self, work: Ending, verdict: Settled) -> None:
        if not isinstance(verdict, Settlement):
            _fail(work.receipt, verdict)
        else:
            self._tally.settled(work.end, verdict, self._open.pop(work.id, None))
            if not work.receipt.done():
                work.receipt.set_result(verdict.receipt)
        self._leave(work)

    def _gave_up(self, work: Reserve, error: Exception) -> None:
        if not work.doubtful:
            self._hold_nothing(work.id)
        if not isinstance(error, Failure):
            error = Failure(PART, f"raised {type(error).__name__}")
        _fail(work.receipt, error)
        self._leave(work)

    def _turn_away(self, id: str, receipt: asyncio.Future[Any]) -> None:
        self._tally.turned_away()
        if id not in self._open and id not in self._lines:
            self._hold_nothing(id)
        _fail(
            receipt,
            Failure(
                PART, "it takes no more charges: it is closing, or too many wait for the store"
            ),
        )

    def _hold_nothing(self, id: str) -> None:
        self._open.pop(id, None)
        self._unheld.add(id)


def _fail(receipt: asyncio.Future[Any], error: Exception) -> None:
    """Say on the receipt that the work is not done."""
    if not receipt.done():
        receipt.set_exception(error)
        receipt.exception()  # nobody has to look at it


def _is_closed() -> Failure:
    return Failure(PART, "the ledger was closed before this was done")


def _nothing_held(end: End) -> Receipt:
    return Receipt(end.id, "voided", Money(0, NO_CURRENCY), end.cause)
