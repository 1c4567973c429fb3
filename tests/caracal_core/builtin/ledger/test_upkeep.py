"""Chores are done again and again, whatever becomes of one, until the house closes."""

from __future__ import annotations

import asyncio
import logging

import pytest

from caracal_core.builtin.ledger.expiry import Resolved
from caracal_core.builtin.ledger.tally import Tally
from caracal_core.builtin.ledger.upkeep import reap, repeated
from caracal_core.errors import Failure
from caracal_core.testing.fakes import FakeMetrics

LOG = logging.getLogger("test.upkeep")


class Expired:
    """A store with so many expired holds."""

    def __init__(self, count):
        self.left = count
        self.batches = []

    async def resolve(self, most):
        batch = min(most, self.left)
        self.left -= batch
        self.batches.append(batch)
        return [Resolved("x", "posted", "orphan")] * batch


class Chore:
    """Fails, then breaks, then works; says when it was done three times."""

    def __init__(self):
        self.done = 0
        self.thrice = asyncio.Event()

    async def __call__(self):
        self.done += 1
        if self.done == 1:
            raise Failure("store", "down")
        if self.done == 2:
            raise ZeroDivisionError
        if self.done == 3:
            self.thrice.set()


@pytest.mark.parametrize(
    ("count", "batches"), [(0, [0]), (9, [9]), (10, [10, 0]), (25, [10, 10, 5])]
)
async def test_a_round_ends_when_nothing_is_left(count, batches):
    """Each transaction is bounded, the round is not."""
    store, metrics = Expired(count), FakeMetrics()
    await reap(store, 10, Tally(metrics, LOG))
    assert store.batches == batches
    assert metrics.counted("expired", state="posted") == count


async def test_a_chore_is_done_at_once_and_again_though_it_fails(caplog):
    """A failure is a line in the log, a fault comes with its place."""
    chore = Chore()
    async with asyncio.timeout(10), repeated("chore", chore, 0.001, LOG):
        await chore.thrice.wait()
    messages = [record.getMessage() for record in caplog.records]
    assert messages[0] == "chore: not possible now: store: down"
    assert caplog.records[1].exc_info


async def test_leaving_ends_the_chore():
    """No task is left behind."""
    chore = Chore()
    async with asyncio.timeout(10), repeated("chore", chore, 0.001, LOG):
        await chore.thrice.wait()
    assert "chore" not in {task.get_name() for task in asyncio.all_tasks()}
