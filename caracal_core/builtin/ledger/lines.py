"""The works of one charge stand in line, in the order of the calls."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from contextlib import suppress

from msgspec import Struct

from caracal_core.builtin.ledger.settling import End
from caracal_core.domain import Charge, Receipt, Reservation


class Reserve(Struct, eq=False):
    """A reserve in hand.

    Attributes:
        id: the charge's.
        receipt: for whoever waits.
        charge: what to hold.
        until: when to stop trying, by the loop's clock.
        doubtful: whether something of its charge may be held, whatever the next try says.
        failed: how many tries failed that were its own, not a whole batch's.
    """

    id: str
    receipt: asyncio.Future[Reservation]
    charge: Charge
    until: float
    doubtful: bool = False
    failed: int = 0

    def is_in_vain(self, now: float) -> bool:
        """Return whether its time is over or nobody waits for it."""
        return self.receipt.done() or now >= self.until


class Ending(Struct, eq=False):
    """A post or a void in hand.

    Attributes:
        id: the charge's.
        receipt: for whoever waits.
        end: how the charge is to end.
        failed: how many tries failed that were its own, not a whole batch's.
    """

    id: str
    receipt: asyncio.Future[Receipt]
    end: End
    failed: int = 0


Work = Reserve | Ending


class Lines:
    """Everything in hand: by charge, first come first.

    Attributes:
        in_hand: how many works there are.
    """

    def __init__(self) -> None:
        self.in_hand = 0
        self._first: dict[str, Work] = {}
        self._behind: dict[str, deque[Work]] = {}
        self._emptied = asyncio.Event()

    def __contains__(self, id: str) -> bool:
        """Return whether works of this charge are in hand."""
        return id in self._first

    def add(self, work: Work) -> bool:
        """Take work in, behind others of its charge; return whether there are none."""
        self.in_hand += 1
        if self._first.setdefault(work.id, work) is work:
            return True
        line = self._behind.get(work.id)
        if line is None:
            line = self._behind[work.id] = deque()
        line.append(work)
        return False

    def leave(self, work: Work) -> Work | None:
        """Let go of the first of a line; return the next, if there is one."""
        line = self._behind.get(work.id) if self._behind else None
        if line is None:
            del self._first[work.id]
            self.in_hand -= 1
            if not self._first:
                self._emptied.set()
            return None
        self.in_hand -= 1
        after = self._first[work.id] = line.popleft()
        if not line:
            del self._behind[work.id]
        return after

    async def emptied(self, seconds: float) -> None:
        """Wait until nothing is in hand, at most so long."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while self._first:
                    self._emptied.clear()
                    await self._emptied.wait()

    def clear(self) -> Sequence[Work]:
        """Let go of everything, and return it."""
        works = [*self._first.values(), *(work for line in self._behind.values() for work in line)]
        self._first.clear()
        self._behind.clear()
        self.in_hand = 0
        self._emptied.set()
        return works
