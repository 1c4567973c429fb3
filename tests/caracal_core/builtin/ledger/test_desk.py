"""The desk keeps the ledger's contract on both databases, whatever happens to who waits."""

from __future__ import annotations

import asyncio
import logging
import random

import pytest

from caracal_core.builtin.ledger.desk import LedgerDesk
from caracal_core.builtin.ledger.reserving import Conflict
from caracal_core.builtin.ledger.settling import End, Settlement
from caracal_core.builtin.ledger.store import PlainStore
from caracal_core.builtin.ledger.tally import Tally
from caracal_core.domain import Receipt, Reservation
from caracal_core.errors import BudgetExceeded, Failure
from caracal_core.testing.contracts import LedgerContract
from caracal_core.testing.fakes import FakeMetrics, a_charge, usd


def desk_over(store, metrics=None, **bounds):
    return LedgerDesk(store, Tally(metrics or FakeMetrics(), logging.getLogger("test")), **bounds)


@pytest.fixture
async def desk(database):
    desk = desk_over(PlainStore(database, "test-owner", 300, 3600))
    yield desk
    assert await desk.drain(10) == 0


class TestLedgerDesk(LedgerContract):
    """The contract that every ledger owes."""

    @pytest.fixture
    def ledger(self, desk):
        return desk

    @pytest.fixture
    def fund(self, give_budget):
        return give_budget
