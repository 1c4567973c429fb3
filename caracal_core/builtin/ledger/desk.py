"""Where the corridor hands its charges in: every verb is taken over at once."""

from __future__ import annotations

import asyncio
from functools import partial

from caracal_core.builtin.ledger.errors import PART, Conflict
from caracal_core.builtin.ledger.lines import Lines, Work
from caracal_core.builtin.ledger.settling import NO_CURRENCY, End
from caracal_core.builtin.ledger.store import Store
from caracal_core.builtin.ledger.tally import Tally
from caracal_core.builtin.ledger.unheld import Unheld
from caracal_core.domain import Basis, Cause, Charge, Money, Receipt, Reservation
from caracal_core.errors import BudgetExceeded, Failure

MOST_IN_HAND = 10_000
RESERVE_SECONDS = 10.0


class LedgerDesk:
    """Implements `Ledger` over a store, whatever the store's form.

    A receipt is a bare future: cancelling who waits for it, or the receipt itself, never cancels
    the work. The works of one charge are done in the order of the calls. What ends a charge is
    tried until it is done. A reserve is tried for a limited time and while somebody waits; where
    the store failed it, what became of it is unknown, and the end that follows in line settles it.

    Args:
        store: writes the books.
        tally: counts.
        at_once: how many works may be at the store at the same time.
        most_in_hand: with so much in hand, reserves are turned away; endings never are.
        reserve_seconds: how long a reserve is tried again.
    """

    name = "ledger"

    def __init__(
        self,
        store: Store,
        tally: Tally,
        *,
        at_once: int,
        most_in_hand: int = MOST_IN_HAND,
        reserve_seconds: float = RESERVE_SECONDS,
    ) -> None:
        self._store = store
        self._tally = tally
        self._most_in_hand = most_in_hand
        self._reserve_seconds = reserve_seconds
        self._lines = Lines(at_once, tally)
        self._unheld = Unheld(most_in_hand)
        self._open: set[str] = set()
        self._closing = False

    @property
    def in_hand(self) -> int:
        """How many works were taken over and are not done."""
        return len(self._lines)

    @property
    def open(self) -> int:
        """How many charges were taken over and have not ended."""
        return len(self._open)

    def reserve(self, charge: Charge) -> asyncio.Future[Reservation]:
        until = asyncio.get_running_loop().time() + self._reserve_seconds
        work = Work(partial(self._reserve, charge), until)
        if self._closing or self.in_hand >= self._most_in_hand:
            self._turn_away(charge.id, work)
            return work.receipt
        self._open.add(charge.id)
        return self._lines.add(charge.id, work)

    def post(
        self, id: str, amount: Money, cause: Cause, basis: Basis = "held"
    ) -> asyncio.Future[Receipt]:
        return self._lines.add(id, Work(partial(self._settle, End(id, cause, amount, basis))))

    def void(self, id: str, cause: Cause) -> asyncio.Future[Receipt]:
        work = Work(partial(self._settle, End(id, cause)))
        if id not in self._lines and self._unheld.void(id):
            work.receipt.set_result(_nothing_held(id, cause))
            return work.receipt
        return self._lines.add(id, work)

    async def check(self) -> str | None:
        """Return None while reserves are taken, else what is wrong; a `HealthCheck`."""
        if self.in_hand < self._most_in_hand:
            return None
        return f"{self.in_hand} charges wait for the store, and new ones are turned away"

    async def drain(self, seconds: float) -> int:
        """Take no more reserves and wait until everything in hand is done, at most so long.

        Returns:
            How many works were given up. Their holds stay, can be seen with
            ``caracal charges list``, and are resolved at their expiry.
        """
        self._closing = True
        return await self._lines.drain(seconds)

    async def _reserve(self, charge: Charge, failed: int) -> Reservation:
        if self._unheld.is_voided(charge.id):
            self._open.discard(charge.id)
            raise Conflict(PART, f"the charge {charge.id} has ended already: voided")
        try:
            reservation = await self._store.reserve(charge)
        except BudgetExceeded:
            self._tally.refused()
            if not failed:  # else an earlier try may have come through, and the store knows
                self._hold_nothing(charge.id)
            raise
        self._unheld.discard(charge.id)
        return reservation

    async def _settle(self, end: End, failed: int) -> Receipt:
        if end.amount is None and self._unheld.void(end.id):
            return _nothing_held(end.id, end.cause)
        settlement = await self._store.settle(end)
        self._open.discard(end.id)
        self._tally.settled(end, settlement)
        return settlement.receipt

    def _turn_away(self, id: str, work: Work[Reservation]) -> None:
        self._tally.turned_away()
        if id not in self._open:
            self._hold_nothing(id)
        work.fail(
            Failure(PART, "it takes no more charges: it is closing, or too many wait for the store")
        )

    def _hold_nothing(self, id: str) -> None:
        self._open.discard(id)
        self._unheld.add(id)


def _nothing_held(id: str, cause: Cause) -> Receipt:
    return Receipt(id, "voided", Money(0, NO_CURRENCY), cause)
