"""A row that another session keeps locked costs the desk that account's works, and no other's."""

from __future__ import annotations

import asyncio
import logging

from caracal_core.builtin.ledger.desk import LedgerDesk
from caracal_core.builtin.ledger.errors import PutOff
from caracal_core.builtin.ledger.store import BookStore
from caracal_core.builtin.ledger.tally import Tally
from caracal_core.storage.database import open_database
from caracal_core.testing.fakes import FakeMetrics, a_charge, usd

from .row_locks import HOLD, WINDOW


def desk_over(store, **bounds):
    tally = Tally(FakeMetrics(), logging.getLogger("test"))
    return LedgerDesk(store, tally, most_together=8, **bounds)


async def test_calls_on_a_budget_that_somebody_keeps_locked_are_told_in_time(
    postgres_config, balanced_books
):
    """With nothing held and nothing left in hand, while other accounts go on."""
    async with (
        open_database(postgres_config, exclusive=True) as database,
        open_database(postgres_config) as other,
    ):
        for account in ("alice", "bob"):
            await balanced_books.fund(database, account, usd("100"))
        desk = desk_over(BookStore(database, "owner", 300, 3600), reserve_seconds=3600)

        async def call_meanwhile(tx):
            first = [a_charge(usd("1"), name) for name in ("alice", "bob")]
            await asyncio.gather(*map(desk.reserve, first))
            assert len(await tx.fetch(WINDOW, "bob")) == 1
            stuck = [a_charge(usd("1"), "bob") for _ in range(20)]
            receipts = [desk.reserve(charge) for charge in stuck]
            for _ in range(5):
                charge = a_charge(usd("0.1"), "alice")
                await desk.reserve(charge)
                await desk.post(charge.id, usd("0.1"), "reply")
            for told in await asyncio.gather(*receipts, return_exceptions=True):
                assert isinstance(told, PutOff)
            for charge in stuck:
                voided = desk.void(charge.id, "not_sent")
                assert voided.done(), "what certainly holds nothing needs no store"
            assert desk.in_hand == 0
            return first[1]

        async with asyncio.timeout(30):
            held = await other.transact(call_meanwhile)
            await desk.post(held.id, usd("1"), "reply")
        assert await desk.drain(10) == 0
        assert await balanced_books.wrong(database) == []


async def test_a_row_that_somebody_keeps_locked_stops_no_other_account(
    postgres_config, balanced_books, keep
):
    """An operator's open session on one budget must not end every agent's calls."""
    async with open_database(postgres_config) as database:
        for account in ("alice", "bob"):
            await balanced_books.fund(database, account, usd("100"))
        desk = desk_over(BookStore(database, "owner", 300, 3600), write_seconds=0.5)
        stuck = a_charge(usd("1"), "bob")
        await desk.reserve(stuck)
        async with keep(HOLD, stuck.id), asyncio.timeout(20):
            posting = desk.post(stuck.id, usd("0.5"), "reply")
            for _ in range(5):
                charge = a_charge(usd("0.1"), "alice")
                await desk.reserve(charge)
                await desk.post(charge.id, usd("0.1"), "reply")
        await posting
        assert await desk.drain(10) == 0
