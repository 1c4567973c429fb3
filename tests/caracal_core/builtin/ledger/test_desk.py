"""The desk keeps the ledger's contract on both databases, whatever happens to who waits."""

from __future__ import annotations

import asyncio
import logging
import random

import pytest

from caracal_core.builtin.ledger.desk import LedgerDesk
from caracal_core.builtin.ledger.errors import Conflict
from caracal_core.builtin.ledger.expiry import resolve
from caracal_core.builtin.ledger.group_commit import HICCUPS
from caracal_core.builtin.ledger.settling import NO_CURRENCY, End, Settlement
from caracal_core.builtin.ledger.store import BookStore
from caracal_core.builtin.ledger.tally import Tally
from caracal_core.domain import Money, Receipt, Reservation
from caracal_core.errors import BudgetExceeded, CaracalError, Failure
from caracal_core.storage.database import open_database
from caracal_core.storage.errors import OutcomeUnknown
from caracal_core.storage.migrate import up
from caracal_core.testing.contracts import LedgerContract, LedgerKeysContract
from caracal_core.testing.fakes import FakeMetrics, a_charge, usd


def desk_over(store, metrics=None, most_together=8, **bounds):
    tally = Tally(metrics or FakeMetrics(), logging.getLogger("test"))
    return LedgerDesk(store, tally, most_together=most_together, **bounds)


class FlakyStore:
    """Fails every work once or twice before it is done, and once more after it was done.

    Now and then it loses the answer to a whole batch, too.
    """

    def __init__(self, store):
        self._store = store
        self._dice, self._answers = random.Random(11), random.Random(12)
        self._tries = {}

    async def write(self, reserves, ends):
        verdicts = [await self._do(f"reserve {each.id}", [each], []) for each in reserves]
        verdicts += [await self._do(f"settle {each.id}", [], [each]) for each in ends]
        if self._answers.random() < 0.2:
            raise OutcomeUnknown("store", "all answers were lost")
        return verdicts

    async def _do(self, name, *work):
        left = self._tries.setdefault(name, self._dice.randrange(1, 4))
        if not left:
            del self._tries[name]
            return (await self._store.write(*work))[0]
        self._tries[name] -= 1
        if left == 1:
            await self._store.write(*work)
            return OutcomeUnknown("store", "the answer was lost")
        return Failure("store", "not reached")


class WatchedStore(BookStore):
    """Says when it could not write."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.failed = asyncio.Event()

    async def write(self, reserves, ends):
        try:
            return await super().write(reserves, ends)
        except Failure:
            self.failed.set()
            raise


class DeadStore:
    """Can never be reached; says when it was asked."""

    def __init__(self):
        self.asked = asyncio.Event()

    async def write(self, _reserves, _ends):
        self.asked.set()
        raise Failure("store", "not reached")


@pytest.fixture
def store(database):
    return BookStore(database, "test-owner", 300, 3600)


@pytest.fixture
async def desk(store):
    desk = desk_over(store)
    yield desk
    assert await desk.drain(10) == 0


class TestLedgerDesk(LedgerContract, LedgerKeysContract):
    """The contract that every ledger owes."""

    @pytest.fixture
    def ledger(self, desk):
        return desk

    @pytest.fixture
    def fund(self, give_budget):
        return give_budget


class TestLedgerDeskOverAFlakyStore(LedgerContract, LedgerKeysContract):
    """The same where the store fails before and after everything it does."""

    @pytest.fixture
    async def ledger(self, store, quick):
        desk = desk_over(FlakyStore(store), reserve_seconds=60)
        yield desk
        assert await desk.drain(10) == 0

    @pytest.fixture
    def fund(self, give_budget):
        return give_budget


async def test_cancelled_exchanges_leave_no_hold_and_lose_no_post(
    desk, give_budget, database, balanced
):
    """200 exchanges, each struck twice at random points, also within their settlement."""
    await give_budget("alice", usd("100"))
    await give_budget("team", usd("100"))
    dice = random.Random(5)
    forwarded = set()

    async def exchange(charge):
        reserved = False
        try:
            await desk.reserve(charge)
            reserved = True
            forwarded.add(charge.id)
            await asyncio.sleep(0)
        finally:
            if reserved:
                await desk.post(charge.id, usd("0.01"), "client_gone")
            else:
                await desk.void(charge.id, "not_sent")

    async def strike(task):
        for _ in range(2):
            for _ in range(dice.randrange(12)):
                await asyncio.sleep(dice.choice([0, 0, 0.0005]))
            task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    async with asyncio.timeout(60):
        for _ in range(10):
            charges = [a_charge(usd("0.01"), "alice", "team") for _ in range(20)]
            await asyncio.gather(*(strike(asyncio.ensure_future(exchange(c))) for c in charges))
    assert await desk.drain(10) == 0
    rows = await database.fetch("SELECT id FROM reservations WHERE state = 'pending'")
    assert rows == []
    posted = await database.fetch("SELECT id FROM reservations WHERE state = 'posted'")
    assert {row["id"] for row in posted} == forwarded
    assert desk.open == desk.in_hand == 0
    assert await balanced()


async def test_a_reserve_of_unknown_outcome_is_settled_by_the_void_that_follows(
    store, give_budget, counts, database
):
    """The hold was made, its answer lost; nothing of it stays."""

    class Forgetful(BookStore):
        async def write(self, reserves, ends):
            verdicts = await super().write(reserves, ends)
            if reserves:
                raise OutcomeUnknown("store", "the answer was lost")
            return verdicts

    await give_budget("alice", usd("1"))
    desk = desk_over(Forgetful(database, "owner", 300, 3600), reserve_seconds=0)
    charge = a_charge(usd("0.4"), "alice")
    with pytest.raises(OutcomeUnknown):
        await desk.reserve(charge)
    assert await counts("alice") == [(0, 400_000, 0)]
    assert desk.open == 1
    receipt = await desk.void(charge.id, "not_sent")
    assert receipt == Receipt(charge.id, "voided", usd("0"), "not_sent")
    assert await counts("alice") == [(0, 0, 0)]
    assert desk.open == 0


async def test_a_reserve_is_tried_for_a_limited_time_and_a_post_without_end(quick):
    """The answer is then a failure; the post is still in hand."""
    desk = desk_over(DeadStore(), reserve_seconds=0.05)
    with pytest.raises(Failure):
        await desk.reserve(a_charge(usd("1"), "alice"))
    receipt = desk.post("x", usd("1"), "reply")
    done, _ = await asyncio.wait([receipt], timeout=0.2)
    assert not done
    assert await desk.drain(0.01) == 1


async def test_it_is_not_ready_while_what_failed_again_and_again_waits(quick):
    """An answer of the database is not enough: the ledger's own next try must have gone through."""

    seen = []

    class Away:
        async def write(self, reserves, ends):
            seen.append(await desk.check())
            if len(seen) < HICCUPS + 3:
                raise Failure("store", "down")
            return [Settlement(Receipt(e.id, "voided", usd("0"), e.cause), "ended") for e in ends]

    desk = desk_over(Away())
    await desk.post("x", usd("1"), "reply")
    told = "the store failed again and again; 1 charges wait for the next try"
    assert seen == [None] * (HICCUPS + 1) + [told] * 2
    assert await desk.check() is None


async def test_refused_and_turned_away_charges_are_voided_without_the_store(
    store, give_budget, database
):
    """A flood of refusals writes no rows; a late reserve of a voided one still fails."""
    await give_budget("alice", usd("1"))
    desk = desk_over(store)
    charge = a_charge(usd("2"), "alice")
    with pytest.raises(BudgetExceeded):
        await desk.reserve(charge)
    voided = Receipt(charge.id, "voided", Money(0, NO_CURRENCY), "not_sent")
    assert await desk.void(charge.id, "not_sent") == voided
    assert await desk.void(charge.id, "not_sent") == voided
    with pytest.raises(Conflict):
        await desk.reserve(charge)
    assert await database.fetch("SELECT id FROM reservations") == []
    assert desk.open == 0


async def test_a_refused_charge_may_be_asked_again_until_it_is_voided(store, give_budget, counts):
    """Such as after its budget was raised; its void then goes to the store."""
    await give_budget("alice", usd("1"))
    desk = desk_over(store)
    charge = a_charge(usd("2"), "alice")
    with pytest.raises(BudgetExceeded):
        await desk.reserve(charge)
    await give_budget("alice", usd("3"))
    assert isinstance(await desk.reserve(charge), Reservation)
    await desk.void(charge.id, "not_sent")
    assert await counts("alice") == [(0, 0, 0)]


async def test_a_refusal_after_a_lost_answer_is_voided_in_the_store(quick):
    """The first try may have held something in another window."""
    settled = []

    class Doubtful:
        tries = 0

        async def write(self, reserves, ends):
            self.tries += 1
            if self.tries == 1:
                return [OutcomeUnknown("store", "the answer was lost")]
            settled.extend(ends)
            return [
                *(BudgetExceeded(charge.amount, "alice", "day") for charge in reserves),
                *(Settlement(Receipt(e.id, "voided", usd("0"), e.cause), "ended") for e in ends),
            ]

    desk = desk_over(Doubtful())
    charge = a_charge(usd("1"), "alice")
    with pytest.raises(BudgetExceeded):
        await desk.reserve(charge)
    await desk.void(charge.id, "not_sent")
    assert settled == [End(charge.id, "not_sent")]
    assert desk.open == 0


async def test_a_void_queued_behind_a_refusal_needs_no_store_either(store, give_budget, database):
    await give_budget("alice", usd("1"))
    desk = desk_over(store)
    charge = a_charge(usd("2"), "alice")
    refused, voided = desk.reserve(charge), desk.void(charge.id, "client_gone")
    assert (await voided).state == "voided"
    assert isinstance(refused.exception(), BudgetExceeded)
    assert await database.fetch("SELECT id FROM reservations") == []


async def test_with_its_hands_full_it_turns_reserves_away_and_never_endings(store, give_budget):
    """Readiness says so, a counter counts, and the void of one turned away costs nothing."""
    await give_budget("alice", usd("1"))
    metrics = FakeMetrics()
    desk = desk_over(store, metrics, most_in_hand=2)
    held = a_charge(usd("0.1"), "alice")
    await desk.reserve(held)
    busy = [desk.reserve(a_charge(usd("0.1"), "alice")) for _ in range(2)]
    assert "turned away" in (await desk.check() or "")
    away = a_charge(usd("0.1"), "alice")
    with pytest.raises(Failure, match="no more charges"):
        await desk.reserve(away)
    assert metrics.counted("turned_away") == 1
    voided = desk.void(away.id, "not_sent")
    assert voided.done(), "with full hands, nothing may be added for what holds nothing"
    assert (await voided).state == "voided"
    ending = desk.post(held.id, usd("0.1"), "reply")
    assert (await ending).state == "posted"
    await asyncio.gather(*busy)
    assert await desk.check() is None


async def test_a_repeated_reserve_that_is_turned_away_does_not_forget_the_hold(
    store, give_budget, counts
):
    """Its void still goes to the store."""
    await give_budget("alice", usd("1"))
    desk = desk_over(store, most_in_hand=1)
    held = a_charge(usd("0.1"), "alice")
    await desk.reserve(held)
    other = desk.post("other", usd("0"), "reply")
    with pytest.raises(Failure, match="no more charges"):
        await desk.reserve(held)
    await desk.void(held.id, "not_sent")
    await other
    assert await counts("alice") == [(0, 0, 0)]


async def test_draining_takes_no_reserves_and_writes_every_ending(store, give_budget, counts):
    """What was handed in before, and while it drains."""
    await give_budget("alice", usd("1"))
    desk = desk_over(store)
    charges = [a_charge(usd("0.1"), "alice") for _ in range(5)]
    await asyncio.gather(*map(desk.reserve, charges))
    receipts = [desk.post(charge.id, usd("0.1"), "reply") for charge in charges[1:]]
    draining = asyncio.ensure_future(desk.drain(10))
    await asyncio.sleep(0)
    with pytest.raises(CaracalError):
        await desk.reserve(a_charge(usd("0.1"), "alice"))
    receipts.append(desk.void(charges[0].id, "not_sent"))
    assert await draining == 0
    assert all(receipt.done() for receipt in receipts)
    assert await counts("alice") == [(400_000, 0, 0)]


async def test_what_a_drain_gives_up_stays_as_a_hold_for_the_reaper(
    store, give_budget, database, quick
):
    """It is visible, and resolved at its expiry by its own rule."""
    await give_budget("alice", usd("1"))
    charge = a_charge(usd("0.1"), "alice", expire_seconds=0)
    await store.write([charge], [])
    dead = DeadStore()
    desk = desk_over(dead)
    receipt = desk.post(charge.id, usd("0.1"), "reply")
    await dead.asked.wait()
    assert await desk.drain(0.01) == 1
    with pytest.raises(Failure, match="closed"):
        await receipt
    with pytest.raises(Failure, match="closed"):
        await desk.void(charge.id, "cut")
    rows = await database.fetch("SELECT id FROM reservations WHERE state = 'pending'")
    assert [row["id"] for row in rows] == [charge.id]
    assert [(hold.id, hold.state) for hold in await resolve(database, "other", 10, 3600)] == [
        (charge.id, "posted")
    ]


async def test_posts_outlive_the_database(mortal_postgresql, balanced_books):
    """PostgreSQL is killed under load; once it is back every post is durable, exactly once."""
    server = mortal_postgresql
    with server.database() as config:
        await up(config)
        async with open_database(config) as database:
            await balanced_books.fund(database, "alice", usd("100"))
            store = WatchedStore(database, "owner", 300, 3600)
            desk = desk_over(store)
            charges = [a_charge(usd("0.1"), "alice") for _ in range(40)]
            await asyncio.gather(*map(desk.reserve, charges))
            receipts = [desk.post(charge.id, usd("0.05"), "reply") for charge in charges[:30]]
            await asyncio.wait(receipts, return_when=asyncio.FIRST_COMPLETED)
            await asyncio.to_thread(server.stop)
            receipts += [desk.post(charge.id, usd("0.05"), "reply") for charge in charges[30:]]
            async with asyncio.timeout(60):
                await store.failed.wait()
                await asyncio.to_thread(server.start)
                ended = await asyncio.gather(*receipts)
            assert {(r.state, r.amount) for r in ended} == {("posted", usd("0.05"))}
            (row,) = await database.fetch("SELECT count(*) AS posted FROM entries")
            assert row["posted"] == 40
            assert await balanced_books.wrong(database) == []
            assert await desk.drain(10) == 0
