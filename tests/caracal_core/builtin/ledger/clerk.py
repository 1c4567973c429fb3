"""A store that does as a test says, and a clerk who puts works in and hears of them."""

from __future__ import annotations

import asyncio
import logging

import msgspec

from caracal_core.builtin.ledger.group_commit import GroupCommit
from caracal_core.builtin.ledger.lines import Ending, Reserve
from caracal_core.builtin.ledger.settling import End, Settlement
from caracal_core.builtin.ledger.tally import Tally
from caracal_core.domain import Receipt, Reservation
from caracal_core.testing.fakes import a_charge, usd


class Store:
    """Does everything, unless a test says otherwise.

    Attributes:
        batches: the ids of each batch.
        verdicts: what to say instead, by id; each once.
        failure: what the next batch raises that was let through.
    """

    def __init__(self):
        self.batches = []
        self.verdicts = {}
        self.failure = None
        self._asked = asyncio.Event()

    async def act(self, ids):
        """Be told what is at the store."""

    async def begun(self, count=1):
        """Wait until so many batches were here."""
        async with asyncio.timeout(10):
            while len(self.batches) < count:
                self._asked.clear()
                await self._asked.wait()

    async def write(self, reserves, ends):
        ids = [each.id for each in (*reserves, *ends)]
        self.batches.append(ids)
        self._asked.set()
        await self.act(ids)
        if self.failure is not None:
            failure, self.failure = self.failure, None
            raise failure
        held = [self.verdicts.pop(c.id, Reservation(c.id, c.amount, 1.0)) for c in reserves]
        return held + [self.verdicts.pop(e.id, ended(e.id)) for e in ends]


def ended(name):
    return Settlement(Receipt(name, "posted", usd("1"), "reply"), "ended")


class Clerk:
    """Puts works in and keeps what it is told, by id."""

    def __init__(self, store, metrics, most=4, seconds=60):
        self.told, self.gave_up, self._changed = {}, {}, asyncio.Event()
        self.tally = Tally(metrics, logging.getLogger("test"))
        self.commits = GroupCommit(
            store,
            self.tally,
            reserved=self.tell,
            settled=self.tell,
            given_up=self.give_up,
            most=most,
            seconds=seconds,
        )

    def tell(self, work, verdict):
        self.told.setdefault(work.id, []).append(verdict)
        self._changed.set()

    def give_up(self, work, error):
        self.gave_up[work.id] = error
        self._changed.set()

    def end(self, *ids):
        for name in ids:
            self.commits.put(Ending(name, None, End(name, "reply", usd("1"))))

    def reserve(self, id, seconds=3600):
        loop = asyncio.get_running_loop()
        charge = msgspec.structs.replace(a_charge(usd("1"), "alice"), id=id)
        work = Reserve(id, loop.create_future(), charge, loop.time() + seconds)
        self.commits.put(work)
        return work

    async def until(self, *ids):
        """Wait until these and no others were told of or given up, each once."""
        async with asyncio.timeout(10):
            while {*self.told, *self.gave_up} != set(ids):
                self._changed.clear()
                await self._changed.wait()
        assert all(len(verdicts) == 1 for verdicts in self.told.values())

    def said(self, id):
        """Return the one verdict on a work."""
        (verdict,) = self.told[id]
        return verdict
