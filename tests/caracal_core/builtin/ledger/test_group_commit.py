"""One batch is at the store while the next collects; one that fails comes back, and harms none."""

from __future__ import annotations

import asyncio

import pytest

from caracal_core.builtin.ledger import retry
from caracal_core.builtin.ledger.errors import Conflict
from caracal_core.domain import Reservation
from caracal_core.errors import BudgetExceeded, Failure
from caracal_core.testing.fakes import FakeMetrics, usd

from .clerk import Clerk, Store


@pytest.fixture
def metrics():
    return FakeMetrics()


@pytest.fixture
def store():
    return Store()


@pytest.fixture
def gate(store):
    """Keep every batch at the store until it is set."""
    gate = asyncio.Event()

    async def act(_ids):
        await gate.wait()

    store.act = act
    return gate


async def test_an_idle_store_gets_all_that_one_step_of_the_loop_brings(clerk, store):
    """At once: no timer runs."""
    loop = asyncio.get_running_loop()
    loop.call_soon(clerk.end, "a")
    loop.call_soon(clerk.reserve, "b")
    loop.call_soon(clerk.end, "c")
    await clerk.until("a", "b", "c")
    assert store.batches == [["b", "a", "c"]]


async def test_one_batch_is_at_the_store_while_the_next_collects(clerk, store, gate):
    clerk.end("a")
    await store.begun()
    clerk.end("b")
    await asyncio.sleep(0)
    clerk.end("c")
    assert store.batches == [["a"]]
    gate.set()
    await clerk.until("a", "b", "c")
    assert store.batches == [["a"], ["b", "c"]]


async def test_a_batch_has_a_bound_and_endings_go_first(clerk, store):
    """But for the place of one reserve. What does not fit goes next, in the order it came."""
    for name in "rst":
        clerk.reserve(name)
    clerk.end(*"abcdef")
    await clerk.until(*"abcdefrst")
    assert store.batches == [["r", "a", "b", "c"], ["s", "d", "e", "f"], ["t"]]


async def test_in_batches_of_one_both_kinds_have_their_turn(store, metrics):
    """Endings first; as long as some come, reserves would else wait for ever."""
    clerk = Clerk(store, metrics, most=1)
    clerk.end(*"abc")
    clerk.reserve("r")
    await clerk.until(*"abcr")
    assert store.batches == [["a"], ["r"], ["b"], ["c"]]


async def test_a_batch_that_failed_comes_back_with_what_collected_meanwhile(
    clerk, store, quick, metrics
):
    """In halves, until the store works again; the batches grow again then."""
    away = True

    async def act(_ids):
        if away:
            raise Failure("store", "down")

    store.act = act
    clerk.end(*"abcd")
    await store.begun()
    clerk.end(*"efghijkl")
    await store.begun(4)
    assert [len(batch) for batch in store.batches[:4]] == [4, 2, 1, 1]
    away = False
    failed = len(store.batches)
    await clerk.until(*"abcdefghijkl")
    assert [len(batch) for batch in store.batches[failed:]] == [1, 2, 4, 4, 1]
    assert metrics.counted("failed") == failed


async def test_nothing_pauses_where_nothing_waits_for_the_next_try(clerk, store, monkeypatch):
    """So the first after a failure that took everybody goes to the store at once."""
    monkeypatch.setattr(retry, "FIRST_PAUSE_SECONDS", 3600)
    monkeypatch.setattr(retry, "LONGEST_PAUSE_SECONDS", 3600)
    store.failure = Failure("store", "down")
    clerk.reserve("late", 0)
    await clerk.until("late")
    clerk.end("a")
    await clerk.until("late", "a")


async def test_a_failed_batch_gives_up_reserves_that_are_in_vain(clerk, store, gate, quick):
    """Those that it tried may hold something now; those that only waited do not."""
    tried = [clerk.reserve("late", 0), clerk.reserve("left"), clerk.reserve("stays")]
    tried[1].receipt.cancel()
    await store.begun()
    waiting = [clerk.reserve("waits", 0), clerk.reserve("goes")]

    failure = store.failure = Failure("store", "down")
    gate.set()
    await clerk.until("late", "left", "waits", "stays", "goes")
    assert clerk.gave_up == {"late": failure, "left": failure, "waits": failure}
    assert all(work.doubtful for work in tried)
    assert not any(work.doubtful for work in waiting)


async def test_a_store_that_hangs_is_asked_again(store, metrics, quick, caplog):
    """The try is broken off, and is a failure like others."""
    clerk, broken_off = Clerk(store, metrics, seconds=0.01), []

    async def act(ids):
        if len(store.batches) == 1:
            try:
                await asyncio.Event().wait()
            finally:
                broken_off.extend(ids)

    store.act = act
    clerk.end("a")
    await clerk.until("a")
    assert broken_off == ["a"]
    assert metrics.counted("failed") == 1
    assert "did not answer in 0.01 s" in caplog.text


@pytest.mark.parametrize("error", [asyncio.CancelledError(), TimeoutError(), OSError()], ids=repr)
async def test_whatever_the_store_raises_is_a_failure_like_others(
    clerk, store, quick, caplog, error
):
    """Also a cancellation: only the house's own closing gives work up."""

    async def act(_ids):
        if len(store.batches) == 1:
            raise error

    store.act = act
    clerk.end("a")
    await clerk.until("a")
    assert store.batches == [["a"], ["a"]]
    assert "did not answer" not in caplog.text


async def test_a_store_that_does_not_answer_each_work_has_failed(clerk, store, quick):
    """Nobody can say whose answers these are."""
    write = store.write

    async def short(*works):
        return (await write(*works))[len(store.batches) == 1 :]

    store.write = short
    clerk.end("a", "b")
    await clerk.until("a", "b")
    assert len(store.batches) > 1
    assert [clerk.said(name).receipt.id for name in "ab"] == ["a", "b"]


@pytest.mark.parametrize(
    "verdict",
    [Failure("store", "deadlock"), None, Reservation("a", usd("1"), 1.0), OSError()],
    ids=["failure", "nothing", "another kind's", "an error of its own"],
)
async def test_a_verdict_that_says_nothing_concerns_its_work_alone(
    clerk, store, quick, metrics, verdict
):
    """It is tried again later; its neighbours are done."""
    store.verdicts = {"a": verdict}
    clerk.end("a", "b")
    await clerk.until("a", "b")
    assert store.batches == [["a", "b"], ["a"]]
    assert clerk.said("a").news == "ended"
    assert metrics.counted("failed") == 1


async def test_a_failed_reserve_is_tried_again_while_somebody_waits(clerk, store, quick):
    """What follows finds out what became of one that is given up."""
    failures = {name: Failure("store", "deadlock") for name in ("waits", "left", "late")}
    store.verdicts = dict(failures)
    works = [clerk.reserve("waits"), clerk.reserve("left"), clerk.reserve("late", 0)]
    works[1].receipt.cancel()
    await clerk.until("waits", "left", "late")
    assert clerk.gave_up == {"left": failures["left"], "late": failures["late"]}
    assert isinstance(clerk.said("waits"), Reservation)
    assert all(work.doubtful for work in works)


@pytest.mark.parametrize("decision", [BudgetExceeded(usd("1"), "alice"), Conflict("x", "taken")])
async def test_decisions_are_final(clerk, store, decision):
    """Nobody is asked again whether it still does not fit."""
    store.verdicts = {"a": decision, "b": decision}
    clerk.end("a")
    clerk.reserve("b")
    await clerk.until("a", "b")
    assert clerk.told == {"a": [decision], "b": [decision]}
    assert len(store.batches) == 1


async def test_an_answer_that_cannot_be_taken_down_does_not_hold_up_others(clerk, store, quick):
    """It is asked for again."""
    tell, calls = clerk.commits._settled, []

    def fails_once(work, verdict):
        calls.append(work.id)
        if calls == ["a"]:
            raise ZeroDivisionError
        tell(work, verdict)

    clerk.commits._settled = fails_once
    clerk.end("a", "b")
    await clerk.until("a", "b")
    assert calls == ["a", "b", "a"]


async def test_what_was_done_is_counted_though_a_neighbour_failed(clerk, store, gate, metrics):
    """Before anybody asks again for the one that failed."""
    tell = clerk.commits._settled

    def counts(work, verdict):
        clerk.tally.settled(work.end, verdict)
        tell(work, verdict)

    clerk.commits._settled = counts
    store.verdicts = {"a": Failure("store", "deadlock")}
    clerk.end("a", "b")
    gate.set()
    await clerk.until("b")
    assert metrics.counted("posted") == 1


async def test_counters_that_fail_end_nothing(clerk, store, gate, monkeypatch, caplog):
    """What came while the batch was at the store is written, too; the log says what is wrong."""

    def fails():
        raise ZeroDivisionError

    monkeypatch.setattr(clerk.tally, "publish", fails)
    clerk.end("a")
    await store.begun()
    clerk.end("b")
    gate.set()
    await clerk.until("a", "b")
    assert "not all counted" in caplog.text


async def test_the_log_says_once_that_the_store_fails_and_once_that_it_works(
    clerk, store, quick, caplog
):
    caplog.set_level("INFO")

    async def act(_ids):
        if len(store.batches) < 4:
            raise Failure("store", "down")

    store.act = act
    clerk.end("a")
    await clerk.until("a")
    assert [record.levelname for record in caplog.records] == ["ERROR", "INFO"]


async def test_once_it_is_closed_nothing_happens_any_more(clerk, store, gate, caplog):
    """Neither what is at the store, nor what waits, nor what pauses."""
    store.verdicts = {"pauses": Failure("store", "deadlock")}
    gate.set()
    clerk.end("pauses")
    await store.begun()
    gate.clear()
    clerk.end("at the store")
    await store.begun(2)
    clerk.end("waits")
    await clerk.commits.close()
    gate.set()
    await asyncio.sleep(retry.FIRST_PAUSE_SECONDS * 2)
    assert len(store.batches) == 2
    assert clerk.told == {}
    assert [record.name for record in caplog.records] == ["test"]
