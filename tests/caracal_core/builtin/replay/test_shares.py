"""One agent cannot take more than its share, and nobody counts at each claim."""

import pytest

from caracal_core.builtin.replay import shares as module
from caracal_core.builtin.replay.shares import RECOUNT_SECONDS, Shares
from caracal_core.errors import Failure
from caracal_core.testing.fakes import FakeClock


class Store:
    def __init__(self):
        self.live, self.counted = {}, 0

    async def count(self, scope):
        self.counted += 1
        return self.live.get(scope, 0)


@pytest.fixture
def store():
    return Store()


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def shares(store, clock):
    return Shares(100, clock, store.count)


async def _take(shares, store, number, scope="agent"):
    for _ in range(number):
        await shares.take(scope)
        store.live[scope] = store.live.get(scope, 0) + 1


async def test_a_share_is_counted_once_in_a_tenth_of_it(shares, store):
    await _take(shares, store, 100)
    assert store.counted == 9


async def test_a_full_share_is_refused_and_the_others_are_not(shares, store):
    await _take(shares, store, 100)
    with pytest.raises(Failure, match="agent has used up its share of 100"):
        await shares.take("agent")
    await _take(shares, store, 50, "other")


async def test_a_full_share_is_not_counted_at_each_refusal(shares, store, clock):
    await _take(shares, store, 100)
    counted = store.counted
    for _ in range(50):
        with pytest.raises(Failure):
            await shares.take("agent")
    assert store.counted <= counted + 1


async def test_room_that_was_made_is_noticed(shares, store, clock):
    await _take(shares, store, 100)
    with pytest.raises(Failure):
        await shares.take("agent")
    store.live["agent"] = 40
    clock.advance(RECOUNT_SECONDS)
    await _take(shares, store, 60)
    with pytest.raises(Failure):
        await shares.take("agent")


async def test_what_other_processes_claim_is_noticed_within_a_tenth(shares, store, clock):
    store.live["agent"] = 100
    with pytest.raises(Failure):
        await _take(shares, store, 11)


async def test_the_smallest_share_is_kept_too(store, clock):
    shares = Shares(1, clock, store.count)
    await _take(shares, store, 1)
    with pytest.raises(Failure):
        await shares.take("agent")


async def test_the_memory_of_scopes_is_bounded_and_drops_the_idle_ones(shares, store, monkeypatch):
    monkeypatch.setattr(module, "SCOPES_MAX", 3)
    for scope in ("a", "b", "a", "c", "a", "d"):
        await shares.take(scope)
    assert list(shares._shares) == ["c", "a", "d"]


async def test_a_share_that_cannot_be_counted_is_a_failure(store, clock):
    async def count(scope):
        raise Failure("storage", "down")

    shares = Shares(10, clock, count)
    await shares.take("agent")
    with pytest.raises(Failure, match="down"):
        await shares.take("agent")
