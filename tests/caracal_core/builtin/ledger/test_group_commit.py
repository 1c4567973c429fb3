"""One batch is at the store while the next collects; one that fails comes back, and harms none."""

from __future__ import annotations

import asyncio
import logging

import msgspec
import pytest

from caracal_core.builtin.ledger import group_commit, retry
from caracal_core.builtin.ledger.errors import Conflict, PutOff
from caracal_core.builtin.ledger.group_commit import GroupCommit
from caracal_core.builtin.ledger.lines import Ending, Reserve
from caracal_core.builtin.ledger.settling import End, Settlement
from caracal_core.builtin.ledger.tally import Tally
from caracal_core.domain import Receipt, Reservation
from caracal_core.errors import BudgetExceeded, Failure
from caracal_core.testing.fakes import FakeMetrics, a_charge, usd


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
        self.commits = GroupCommit(
            store,
            Tally(metrics, logging.getLogger("test")),
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


@pytest.fixture
def quick(monkeypatch):
    """No pause between two tries is noticeable."""
    monkeypatch.setattr(retry, "FIRST_PAUSE_SECONDS", 0.0001)
    monkeypatch.setattr(retry, "LONGEST_PAUSE_SECONDS", 0.001)


@pytest.fixture
def metrics():
    return FakeMetrics()


@pytest.fixture
def store():
    return Store()


@pytest.fixture
async def clerk(store, metrics):
    clerk = Clerk(store, metrics)
    yield clerk
    await clerk.commits.close()


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
