"""A warden on patrol, the deadline of the test's own task, and a ledger that writes down."""

import asyncio

import pytest

from caracal_core.domain import Receipt, Reservation
from caracal_core.stages.deadline import Warden
from caracal_core.testing.fakes.values import usd


@pytest.fixture
async def warden():
    warden = Warden()
    patrol = asyncio.create_task(warden.patrol())
    yield warden
    patrol.cancel()


@pytest.fixture
def watched(warden):
    """Run a coroutine function in a task of its own, with that task's `Due`."""

    def start(work):
        async def run():
            due = warden.watch()
            try:
                return await work(due)
            finally:
                warden.release(due)

        return asyncio.ensure_future(run())

    return start


class _Book:
    """A ledger that writes down what it is told."""

    def __init__(self):
        self.told = []
        self.bases, self.ended = [], []
        self.charges = []
        self.public_id = None
        self.refuses = None
        self.durable = asyncio.Event()
        self.durable.set()

    def reserve(self, charge):
        self.told.append(("reserve", charge.amount.decimal))
        self.charges.append(charge)
        return self._reserved(charge)

    async def _reserved(self, charge):
        if self.refuses:
            raise self.refuses
        return Reservation(self.public_id or charge.id, charge.amount, 0.0)

    def post(self, id, amount, cause, basis="held"):
        self.told.append(("post", amount.decimal, cause))
        self.bases.append(basis)
        self.ended.append(id)
        return asyncio.ensure_future(self._posted(id, amount, cause))

    async def _posted(self, id, amount, cause):
        await self.durable.wait()
        return Receipt(id, "posted", amount, cause)

    def void(self, id, cause):
        self.told.append(("void", cause))
        self.ended.append(id)
        return asyncio.ensure_future(self._voided(id, cause))

    async def _voided(self, id, cause):
        return Receipt(id, "voided", usd("0"), cause)


@pytest.fixture
async def book():
    return _Book()
