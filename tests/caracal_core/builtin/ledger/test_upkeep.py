"""Holds are kept while their owner lives, and chores are done again until the house closes."""

from __future__ import annotations

import logging

import pytest

from caracal_core.builtin.ledger.expiry import Resolved
from caracal_core.builtin.ledger.store import BookStore
from caracal_core.builtin.ledger.tally import Tally
from caracal_core.builtin.ledger.upkeep import CALM_PERIODS, LONGEST_GAP_PERIODS, Upkeep
from caracal_core.errors import Failure
from caracal_core.testing.fakes import FakeClock, FakeMetrics, a_charge, usd

LOG = logging.getLogger("test.upkeep")
PERIOD = 2.0**-10  # sums of it are exact


class Expired:
    """A store with expired holds, whose every renewal takes a period by the clock.

    Attributes:
        left: how many holds have expired.
        batches: how many were ended at a time.
        asked: what it was asked; of an ending, the instant.
        away: whether it cannot be asked.
    """

    def __init__(self, clock):
        self._clock = clock
        self.left = 0
        self.batches = []
        self.asked = []
        self.away = False

    async def now(self):
        self.asked.append("now")
        return 1000.0 + len(self.asked)

    async def renew(self):
        if self.away:
            raise Failure("store", "down")
        self.asked.append("renew")
        self._clock.advance(PERIOD)
        return 0

    async def resolve(self, most, at):
        self.asked.append(at)
        batch = min(most, self.left)
        self.left -= batch
        self.batches.append(batch)
        return [Resolved("x", "posted", "orphan", usd("1"))] * batch

    def renewals(self):
        """Return how often it was asked to renew since this was last asked for."""
        count = self.asked.count("renew")
        self.asked.clear()
        return count


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def store(clock):
    return Expired(clock)


@pytest.fixture
def upkeep(store, clock):
    return upkeep_over(store, clock)


def upkeep_over(store, clock, metrics=None):
    return Upkeep(store, Tally(metrics or FakeMetrics(), LOG), PERIOD, 10, clock)


@pytest.mark.parametrize(
    ("count", "batches"), [(0, [0]), (9, [9]), (10, [10, 0]), (25, [10, 10, 5])]
)
async def test_a_round_ends_when_nothing_is_left(store, clock, count, batches):
    """Each transaction is bounded, the round is not."""
    metrics = FakeMetrics()
    store.left = count
    await upkeep_over(store, clock, metrics).reap()
    assert store.batches == batches
    assert metrics.counted("expired", state="posted") == count


async def test_who_has_just_begun_waits_until_everybody_could_renew(store, upkeep):
    """It cannot know how long the store was away; its next round need not wait."""
    await upkeep.reap()
    assert store.renewals() == 1 + CALM_PERIODS
    await upkeep.reap()
    assert store.renewals() == 1


async def test_what_is_ended_had_expired_before_its_own_were_renewed(store, upkeep):
    """However long the ending itself may hang, others could renew what expired meanwhile."""
    await upkeep.reap()
    store.asked.clear()
    await upkeep.reap()
    assert store.asked == ["now", "renew", 1001.0]


async def test_nothing_is_ended_while_the_store_is_away_nor_until_it_is_calm(store, upkeep, clock):
    """Other processes could not renew either, and come back when it does."""
    await upkeep.reap()
    store.away = True
    for _ in range(LONGEST_GAP_PERIODS):
        clock.advance(PERIOD)
        with pytest.raises(Failure):
            await upkeep.reap()
    assert store.renewals() == 1 + CALM_PERIODS
    store.away = False
    await upkeep.reap()
    assert store.renewals() == 1 + CALM_PERIODS


async def test_a_store_that_answers_late_was_away_too(store, upkeep, clock):
    """Such as a file that was locked for less than the patience of who asked."""
    await upkeep.reap()
    store.renewals()
    clock.advance(PERIOD * LONGEST_GAP_PERIODS)
    await upkeep.renew()
    await upkeep.reap()
    assert store.renewals() == 1 + CALM_PERIODS


async def test_a_replica_renews_after_an_outage_what_has_expired_meanwhile(
    database, give_budget, clock
):
    """The other replica's reaper is back first, and waits for it."""
    await give_budget("alice", usd("1"))
    late = BookStore(database, "late", 60, 3600)
    await late.write([a_charge(usd("0.1"), "alice", expire_seconds=0)], [])

    class Prompt(BookStore):
        rounds = 0

        async def renew(self):
            clock.advance(PERIOD)
            self.rounds += 1
            if self.rounds == 2:
                await late.renew()
            return await super().renew()

    await upkeep_over(Prompt(database, "prompt", 60, 3600), clock).reap()
    assert await database.fetch("SELECT id FROM entries") == []
