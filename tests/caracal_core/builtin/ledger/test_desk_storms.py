"""Whatever calls, failures, hangs and cancellations come in whatever order, the books are right."""

from __future__ import annotations

import asyncio
import gc
import logging
from collections import defaultdict

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from caracal_core.builtin.ledger.desk import LedgerDesk
from caracal_core.builtin.ledger.errors import Conflict
from caracal_core.builtin.ledger.settling import NO_CURRENCY, End, Settlement
from caracal_core.builtin.ledger.tally import Tally
from caracal_core.domain import Charge, Money, Receipt, Reservation
from caracal_core.errors import BudgetExceeded, Failure, Refusal
from caracal_core.storage.errors import OutcomeUnknown
from caracal_core.testing.fakes import FakeMetrics, a_charge, usd

IDS = ["a", "b", "c", "poor"]
MOST_TOGETHER, MOST_IN_HAND = 3, 8
CAUSES = ["not_sent", "client_gone", "cut", "upstream_failed"]
BASES = ["held", "metered", "stated", "unmetered"]
LATE_SECONDS = 3.0


class JumpingLoop(asyncio.SelectorEventLoop):
    """Goes on at once to the instant of the next timer, instead of waiting for it."""

    def __init__(self):
        super().__init__()
        self._instant, select = 0.0, self._selector.select

        def jump(seconds):
            assert seconds is not None, "nothing will ever happen any more"
            self._instant += seconds
            return select(0)

        self._selector.select = jump

    def time(self):
        return self._instant


class Books:
    """Books in memory, whose store does each batch as its fates say, and then as it should.

    Attributes:
        held: charges that hold money.
        ended: how charges ended.
        tried: by charge, the works that were tried, each named once in a row.
        batches: the ids of each batch.
    """

    def __init__(self, fates):
        self._fates = iter(fates)
        self._at_store = 0
        self.held, self.ended = set(), {}
        self.tried = defaultdict(list)
        self.batches = []

    async def write(self, reserves, ends):
        works = [*reserves, *ends]
        self._note(works)
        self._at_store += 1
        try:
            assert self._at_store == 1, "two batches at once"
            return await self._meet(next(self._fates, ("works",)), works)
        finally:
            self._at_store -= 1

    def _note(self, works):
        self.batches.append([work.id for work in works])
        for work in works:
            tried = self.tried[work.id]
            if not tried or tried[-1] is not work:
                tried.append(work)

    async def _meet(self, fate, works):
        loop = asyncio.get_running_loop()
        match fate:
            case ("raises", error):
                raise error
            case ("loses the answer",):
                self._all(works)
                raise OutcomeUnknown("store", "the answer was lost")
            case ("hangs", seconds):
                await asyncio.sleep(seconds)
            case ("is late",):
                loop.call_later(LATE_SECONDS, self._all, works)
                raise Failure("store", "no answer")
            case ("says too little",):
                return self._all(works)[1:]
            case ("fails one", number, is_done):
                bad = works[number % len(works)]
                return [
                    self._do(work) if work is not bad else self._fail(work, is_done)
                    for work in works
                ]
        await asyncio.sleep(0)
        return self._all(works)

    def _fail(self, work, is_done):
        if is_done:
            self._do(work)
        return Failure("store", "deadlock")

    def _all(self, works):
        return [self._do(work) for work in works]

    def _do(self, work):
        return self._reserve(work) if isinstance(work, Charge) else self._settle(work)

    def _reserve(self, charge):
        if charge.id in self.ended:
            return Conflict("store", "it has ended")
        if charge.id == "poor" and charge.amount.micro % 2:
            return BudgetExceeded(charge.amount, "alice")
        self.held.add(charge.id)
        return Reservation(f"public-{charge.id}", charge.amount, 1.0)

    def _settle(self, end):
        if end.id in self.ended:
            return Settlement(self.ended[end.id], "repeated")
        news = "ended" if end.id in self.held else "unknown"
        self.held.discard(end.id)
        state = "voided" if end.amount is None else "posted"
        self.ended[end.id] = Receipt(end.id, state, end.amount or usd("0"), end.cause)
        return Settlement(self.ended[end.id], news)


class Storm:
    """Calls the desk's verbs, and knows what it called.

    Attributes:
        calls: by charge, what was asked, in order; each is unlike every other of its charge.
        receipts: what was asked, with its receipt.
    """

    def __init__(self, fates):
        self.books = Books(fates)
        self.desk = LedgerDesk(
            self.books,
            Tally(FakeMetrics(), logging.getLogger("storm")),
            most_together=MOST_TOGETHER,
            most_in_hand=MOST_IN_HAND,
        )
        self.calls = defaultdict(list)
        self.receipts = []

    async def step(self, verb, *arguments):
        number = len(self.receipts)
        match verb, *arguments:
            case "reserve", name:
                charge = msgspec.structs.replace(a_charge(Money(number, "USD"), "alice"), id=name)
                self._note(charge, self.desk.reserve(charge))
            case "post", name:
                basis = BASES[number % len(BASES)]
                end = End(name, "reply", Money(number, "USD"), basis)
                self._note(end, self.desk.post(name, end.amount, "reply", basis))
            case "void", name:
                end = End(name, CAUSES[number % len(CAUSES)])
                self._note(end, self.desk.void(name, end.cause))
            case "cancel", back:
                if self.receipts:
                    self.receipts[-1 - back % number][1].cancel()
            case "wait", seconds:
                await asyncio.sleep(seconds)

    def _note(self, work, receipt):
        self.calls[work.id].append(work)
        self.receipts.append((work, receipt))

    async def rage(self, steps):
        for step in steps:
            await self.step(*step)
        assert await self.desk.drain(10_000) == 0
        await asyncio.sleep(LATE_SECONDS)

    def check(self):
        assert self.desk.in_hand == 0
        for ids in self.books.batches:
            assert len(ids) == len(set(ids)), "an id twice in a batch"
            assert len(ids) <= MOST_TOGETHER
        for name in IDS:
            self._check_order(name)
            self._check_nothing_leaks(name)
        for work, receipt in self.receipts:
            assert receipt.done()
            if not receipt.cancelled():
                (self._check_hold if isinstance(work, Charge) else self._check_end)(work, receipt)

    def _check_order(self, name):
        """What was tried of a charge was tried in the order of the calls, and every post was."""
        calls = iter(self.calls[name])
        assert all(any(work == call for call in calls) for work in self.books.tried[name])
        for call in self.calls[name]:
            if isinstance(call, End) and call.amount is not None:
                assert call in self.books.tried[name]

    def _check_nothing_leaks(self, name):
        """Whatever became of its reserves, an end that follows them ends what they may hold."""
        if self.calls[name] and isinstance(self.calls[name][-1], End):
            assert name not in self.books.held

    def _check_hold(self, charge, receipt):
        error = receipt.exception()
        if error is None:
            assert receipt.result().id == f"public-{charge.id}"
        else:
            assert isinstance(error, Refusal | Failure)

    def _check_end(self, end, receipt):
        """The first of several stands, unless nothing had been held nor posted."""
        nothing = Receipt(end.id, "voided", Money(0, NO_CURRENCY), end.cause)
        if end.amount is None and receipt.result() == nothing:
            before = self.calls[end.id][: self._place(end)]
            assert all(isinstance(call, Charge) or call.amount is None for call in before)
        else:
            assert receipt.result() == self.books.ended[end.id]

    def _place(self, work):
        return next(n for n, call in enumerate(self.calls[work.id]) if call is work)


NAMES = st.sampled_from(IDS)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["reserve", "reserve", "post", "void"]), NAMES),
        st.tuples(st.just("cancel"), st.integers(0, 3)),
        st.tuples(st.just("wait"), st.sampled_from([0, 0, 0.001, 0.1, 5, 12])),
    ),
    max_size=40,
)
ERRORS = [Failure("store", "down"), OSError(), asyncio.CancelledError()]
FATES = st.lists(
    st.one_of(
        st.just(("works",)),
        st.tuples(st.just("raises"), st.sampled_from(ERRORS)),
        st.just(("loses the answer",)),
        st.tuples(st.just("hangs"), st.sampled_from([0.01, 5, 1000])),
        st.just(("is late",)),
        st.just(("says too little",)),
        st.tuples(st.just("fails one"), st.integers(0, MOST_TOGETHER), st.booleans()),
    ),
    max_size=20,
)


UNTRIED_AGAIN = [
    *[("reserve", "a"), ("wait", 0.1), ("reserve", "b"), ("wait", 0), ("reserve", "a")],
    *[("wait", 12), ("void", "a")],
]
"""Of a charge that is held, a second reserve is given up before it was tried."""
TURNED_AWAY_BEHIND = [
    *[("post", "a")] + [("post", "b")] * (MOST_IN_HAND - 1),
    *[("reserve", "a"), ("wait", 12), ("void", "a")],
]
"""Behind a post that waits, a reserve is turned away."""
REFUSED_AND_POSTED = [
    *[("void", "a"), ("reserve", "poor"), ("wait", 1), ("post", "poor"), ("void", "poor")],
]
"""What was refused is posted all the same."""


@given(steps=STEPS, fates=FATES)
@example(steps=UNTRIED_AGAIN, fates=[("works",), ("hangs", 1000)])
@example(steps=TURNED_AWAY_BEHIND, fates=[])
@example(steps=REFUSED_AND_POSTED, fates=[])
@settings(max_examples=400, deadline=None)
def test_the_books_are_right_after_any_storm(steps, fates):
    """Each charge's works are tried in order, every post is booked, no hold is left behind."""
    storm = Storm(fates)
    with asyncio.Runner(loop_factory=JumpingLoop) as runner:
        runner.run(storm.rage(steps))
    storm.check()


def test_a_receipt_that_nobody_reads_is_not_reported_as_forgotten(caplog):
    """Nobody has to look at a refusal."""

    async def forget():
        desk = Storm([]).desk
        desk.reserve(msgspec.structs.replace(a_charge(Money(1, "USD"), "alice"), id="poor"))
        await desk.drain(10)

    with asyncio.Runner(loop_factory=JumpingLoop) as runner:
        runner.run(forget())
    gc.collect()
    assert caplog.text == ""


def test_a_receipt_that_is_cancelled_is_no_failure(caplog):
    """Of either kind; the work is done all the same."""
    storm = Storm([])
    steps = [("reserve", "a"), ("cancel", 0), ("reserve", "poor"), ("post", "a"), ("cancel", 0)]
    with asyncio.Runner(loop_factory=JumpingLoop) as runner:
        runner.run(storm.rage(steps))
    storm.check()
    assert storm.books.batches == [["a", "poor"], ["a"]]
    assert isinstance(storm.receipts[1][1].exception(), BudgetExceeded)
    assert caplog.text == ""


def test_a_strangers_error_is_told_by_its_kind_alone():
    """A reserve's time is over; what the store raised may hold a secret."""
    storm = Storm([("raises", OSError("secret"))] * 30)
    with asyncio.Runner(loop_factory=JumpingLoop) as runner:
        runner.run(storm.rage([("reserve", "a"), ("wait", 15)]))
    error = storm.receipts[0][1].exception()
    assert isinstance(error, Failure)
    assert "raised OSError" in str(error)
    assert "secret" not in str(error)


@pytest.mark.parametrize(("seconds", "given_up", "done"), [(0, 8, 0), (9, 8, 0), (25, 3, 1)])
def test_what_a_drain_gives_up_is_counted_whenever_it_comes(seconds, given_up, done):
    """Each receipt is answered, and nothing is tried after it.

    In the end the reserves' time is over; of the one that was never tried, the void is done.
    """
    storm = Storm([("hangs", 1000)] * 3)

    async def live():
        for name in IDS:
            await storm.step("reserve", name)
            await storm.step("void", name)
        in_hand = storm.desk.in_hand
        assert in_hand == 2 * len(IDS)
        assert await storm.desk.drain(seconds) == given_up
        tried = len(storm.books.batches)
        await asyncio.sleep(10_000)
        assert len(storm.books.batches) == tried

    with asyncio.Runner(loop_factory=JumpingLoop) as runner:
        runner.run(live())
    assert sum(receipt.exception() is None for _, receipt in storm.receipts) == done
    assert storm.desk.in_hand == 0
