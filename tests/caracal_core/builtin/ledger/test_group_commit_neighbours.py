"""A work that fails, or is put off, again and again keeps no other from the store."""

from __future__ import annotations

import pytest

from caracal_core.builtin.ledger import group_commit
from caracal_core.builtin.ledger.errors import PutOff
from caracal_core.errors import Failure
from caracal_core.testing.fakes import FakeMetrics

from .clerk import Store


@pytest.fixture
def metrics():
    return FakeMetrics()


@pytest.fixture
def store():
    return Store()


async def test_one_work_that_fails_every_batch_stops_no_other(clerk, store, quick):
    """A store should not let it come so far; nobody else's money hangs on it."""

    async def act(ids):
        if "bad" in ids:
            raise OSError

    store.act = act
    clerk.end("a", "bad", "b", "c", "d", "e")
    await clerk.until(*"abcde")
    for number in range(20):
        clerk.end(f"later-{number}")
    await clerk.until(*"abcde", *(f"later-{number}" for number in range(20)))


async def test_an_ending_that_fails_every_batch_stops_no_reserve(clerk, store, quick):
    """It is alone before long; that must not mean that all others wait behind it for ever."""

    async def act(ids):
        if "bad" in ids:
            raise OSError

    store.act = act
    clerk.end("bad")
    await store.begun(3)
    for number in range(20):
        clerk.reserve(f"later-{number}")
    await clerk.until(*(f"later-{number}" for number in range(20)))


async def test_a_work_that_fails_alone_pauses_alone(clerk, store, monkeypatch):
    """Ever longer, and whoever comes meanwhile does not wait with it."""
    monkeypatch.setattr(group_commit, "pause", lambda failed: 3600 if failed else 0)

    async def act(ids):
        if "bad" in ids:
            raise OSError

    store.act = act
    clerk.end("bad")
    await store.begun(2)
    for number in range(5):
        clerk.end(f"later-{number}")
        clerk.reserve(f"new-{number}")
    await clerk.until(*(f"{kind}-{number}" for kind in ("later", "new") for number in range(5)))
    assert store.batches[:2] == [["bad"], ["bad"]]
    assert not any("bad" in batch for batch in store.batches[2:])


async def test_a_reserve_that_is_put_off_again_and_again_is_told_and_holds_nothing(
    clerk, store, quick, metrics, caplog
):
    """In about a second, however long somebody would wait; the store works for everybody else."""

    async def act(ids):
        if "stuck" in ids:
            store.verdicts["stuck"] = PutOff("ledger", "locked")

    store.act = act
    work = clerk.reserve("stuck")
    await clerk.until("stuck")
    assert isinstance(clerk.gave_up["stuck"], PutOff)
    assert not work.doubtful
    assert len(store.batches) == metrics.counted("put_off") == group_commit.PUT_OFF + 1
    assert metrics.counted("failed") == 0
    assert not clerk.commits.is_failing
    assert caplog.text == ""


async def test_an_ending_that_is_put_off_is_tried_until_it_is_done(clerk, store, quick):
    async def act(ids):
        if len(store.batches) <= group_commit.PUT_OFF * 3:
            store.verdicts["stuck"] = PutOff("ledger", "locked")

    store.act = act
    clerk.end("stuck")
    await clerk.until("stuck")
    assert clerk.said("stuck").news == "ended"


async def test_what_may_have_been_done_before_stays_doubtful_when_it_is_put_off(
    clerk, store, quick
):
    verdicts = [Failure("store", "lost"), *[PutOff("ledger", "locked")] * 20]

    async def act(_ids):
        store.verdicts["stuck"] = verdicts.pop(0)

    store.act = act
    work = clerk.reserve("stuck")
    await clerk.until("stuck")
    assert work.doubtful
