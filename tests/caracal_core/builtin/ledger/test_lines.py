"""Works of one charge are done in order, those of different charges side by side, none is lost."""

from __future__ import annotations

import asyncio
import logging

import pytest

from caracal_core.builtin.ledger import retry
from caracal_core.builtin.ledger.lines import Lines, Work
from caracal_core.builtin.ledger.tally import Tally
from caracal_core.errors import BudgetExceeded, Failure
from caracal_core.testing.fakes import FakeMetrics, usd


@pytest.fixture
def metrics():
    return FakeMetrics()


@pytest.fixture
async def lines(metrics):
    lines = Lines(2, Tally(metrics, logging.getLogger("test")))
    yield lines
    await lines.drain(0)


@pytest.fixture
def quick(monkeypatch):
    """No pause between two tries is noticeable."""
    monkeypatch.setattr(retry, "FIRST_PAUSE_SECONDS", 0.0001)
    monkeypatch.setattr(retry, "LONGEST_PAUSE_SECONDS", 0.001)


class Stage:
    """Attempts that say when they begin, and go on when they are told to."""

    def __init__(self):
        self.begun = []
        self.gates = {}
        self._changed = asyncio.Event()

    def work(self, name, until=None, error=None):
        self.gates[name] = asyncio.Event()

        async def attempt(_failed):
            self.begun.append(name)
            self._changed.set()
            await self.gates[name].wait()
            if error is not None:
                raise error
            return name

        return Work(attempt, until)

    async def until(self, *names):
        async with asyncio.timeout(10):
            while self.begun != list(names):
                self._changed.clear()
                await self._changed.wait()


async def settled():
    """Let everything that can run, run."""
    for _ in range(20):
        await asyncio.sleep(0)


async def test_one_charges_works_are_done_in_the_order_of_the_calls(lines):
    stage = Stage()
    first, second = lines.add("a", stage.work("1")), lines.add("a", stage.work("2"))
    assert "a" in lines
    await settled()
    assert stage.begun == ["1"]
    stage.gates["1"].set()
    assert await first == "1"
    await stage.until("1", "2")
    stage.gates["2"].set()
    assert await second == "2"
    await settled()
    assert "a" not in lines
    assert len(lines) == 0


async def test_other_charges_do_not_wait_but_for_a_turn(lines):
    """So many are at the store at once, and no more."""
    stage = Stage()
    receipts = [lines.add(name, stage.work(name)) for name in "abc"]
    await settled()
    assert stage.begun == ["a", "b"]
    stage.gates["b"].set()
    await stage.until("a", "b", "c")
    for gate in stage.gates.values():
        gate.set()
    assert await asyncio.gather(*receipts) == ["a", "b", "c"]


async def test_a_refused_work_does_not_stop_the_line(lines):
    stage = Stage()
    refused = lines.add("a", stage.work("1", error=BudgetExceeded(usd("1"), "a")))
    done = lines.add("a", stage.work("2"))
    for gate in stage.gates.values():
        gate.set()
    with pytest.raises(BudgetExceeded):
        await refused
    assert await done == "2"


async def test_a_failing_work_keeps_its_place_and_gives_its_turn_to_others(lines, quick, metrics):
    """What stands behind it waits; other charges go on; each failed try is counted."""
    stage, failing = Stage(), True

    async def attempt(failed):
        if failing:
            raise Failure("store", "down")
        return failed

    first, second = lines.add("a", Work(attempt)), lines.add("a", stage.work("2"))
    others = [lines.add(name, stage.work(name)) for name in "bcd"]
    for gate in stage.gates.values():
        gate.set()
    assert await asyncio.gather(*others) == ["b", "c", "d"]
    assert "2" not in stage.begun
    failing = False
    assert await first == metrics.counted("failed") > 0
    assert await second == "2"


async def test_work_without_end_is_tried_though_nobody_waits(lines, quick):
    """Cancelling the receipt cancels nothing."""
    tried = asyncio.Event()

    async def attempt(failed):
        if failed < 5:
            raise Failure("store", "down")
        tried.set()

    lines.add("a", Work(attempt)).cancel()
    async with asyncio.timeout(10):
        await tried.wait()


async def test_work_with_an_end_is_tried_once_though_nobody_waits_and_then_given_up(lines, quick):
    """What follows in line finds out what became of it."""
    seen = []

    async def attempt(failed):
        seen.append(failed)
        raise Failure("store", "down")

    until = asyncio.get_running_loop().time() + 3600
    lines.add("a", Work(attempt, until)).cancel()
    assert await lines.drain(10) == 0
    assert seen == [0]


async def test_past_its_end_the_last_failure_is_the_answer(lines, quick):
    """Of the house's own kind, whatever was raised."""

    async def attempt(failed):
        raise Failure("store", f"try {failed}") if failed < 3 else OSError("secret")

    now = asyncio.get_running_loop().time()
    with pytest.raises(Failure, match="try 0"):
        await lines.add("a", Work(attempt, now - 1))
    with pytest.raises(Failure, match="raised OSError") as caught:
        await lines.add("a", Work(attempt, now + 0.05))
    assert "secret" not in str(caught.value)


async def test_a_cancellation_from_within_the_store_is_a_failure_like_others(lines, quick):
    """Only the house's own closing gives work up."""

    async def attempt(failed):
        if failed < 2:
            raise asyncio.CancelledError
        return failed

    assert await lines.add("a", Work(attempt)) == 2


async def test_draining_waits_for_what_is_in_hand_and_what_still_comes(lines):
    stage = Stage()
    receipt = lines.add("a", stage.work("1"))
    draining = asyncio.ensure_future(lines.drain(10))
    await settled()
    late = lines.add("b", stage.work("2"))
    for gate in stage.gates.values():
        gate.set()
    assert await draining == 0
    assert [await receipt, await late] == ["1", "2"]


async def test_what_cannot_be_done_in_time_is_given_up_and_said(lines):
    """Each receipt fails; nothing is taken any more; no task is left."""
    stage = Stage()
    receipts = [lines.add("a", stage.work("1")), lines.add("a", stage.work("2"))]
    await stage.until("1")
    assert await lines.drain(0.01) == 2
    receipts.append(lines.add("b", stage.work("3")))
    for receipt in receipts:
        with pytest.raises(Failure, match="closed"):
            await receipt
    assert len(lines) == 0
    assert stage.begun == ["1"]
