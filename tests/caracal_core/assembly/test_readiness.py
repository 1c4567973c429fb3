"""Readiness tells what is wrong, whatever a check does, and probes cannot hammer anybody."""

import asyncio
import logging

import pytest

from caracal_core.assembly import readiness
from caracal_core.assembly.readiness import FRESH_SECONDS, Finding, Readiness
from caracal_core.testing.fakes.clock import FakeClock


class Check:
    """Answers as told, and counts how often it was asked."""

    def __init__(self, name="database", answer=None):
        self.name = name
        self.answer = answer
        self.asked = 0

    async def check(self):
        self.asked += 1
        if callable(self.answer):
            return await self.answer()
        return self.answer


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def check():
    return Check()


def a_readiness(clock, *checks):
    return Readiness(lambda: checks, clock)


async def test_all_well_is_ready_and_one_fault_is_not(clock, check):
    other = Check("ledger")
    asked = a_readiness(clock, check, other)
    assert await asked.findings() == (Finding("database", None), Finding("ledger", None))
    assert asked.ready
    other.answer = "cannot be reached"
    clock.advance(FRESH_SECONDS)
    assert await asked.findings() == (
        Finding("database", None),
        Finding("ledger", "cannot be reached"),
    )
    assert not asked.ready


async def test_before_the_first_answers_nothing_is_ready(clock, check):
    asked = a_readiness(clock, check)
    assert not asked.ready
    await asked.findings()
    assert asked.ready


async def test_a_hundred_probes_at_once_and_in_a_second_ask_once(clock, check):
    asked = a_readiness(clock, check)
    await asyncio.gather(*(asked.findings() for _ in range(100)))
    clock.advance(FRESH_SECONDS / 2)
    await asked.findings()
    assert check.asked == 1
    clock.advance(FRESH_SECONDS / 2)
    await asyncio.gather(*(asked.findings() for _ in range(100)))
    assert check.asked == 2


async def test_a_stale_answer_is_renewed_by_whoever_looks(clock, check):
    asked, noticed = a_readiness(clock, check), asyncio.Event()
    await asked.findings()

    async def gone():
        noticed.set()
        return "is gone"

    check.answer = gone
    clock.advance(FRESH_SECONDS)
    assert asked.ready, "the old answer, while the new one is on its way"
    await asyncio.wait_for(noticed.wait(), 5)
    await asked.findings()
    assert not asked.ready
    assert check.asked == 2


async def test_a_probe_that_hangs_up_does_not_stop_the_others(clock):
    go = asyncio.Event()
    asked = a_readiness(clock, Check(answer=go.wait))
    first, second = (asyncio.create_task(asked.findings()) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    go.set()
    assert (await second)[0].fault == "answered with a bool"


async def _raise():
    raise ConnectionError("password hunter2 was refused")


async def _cancel():
    raise asyncio.CancelledError


@pytest.mark.parametrize(
    ("answer", "fault"),
    [
        (_raise, "raised ConnectionError"),
        (_cancel, "raised CancelledError"),
        (True, "answered with a bool"),
        ("", "is not well"),
        ("x" * 5000, "x" * readiness.FAULT_MAX),
    ],
)
async def test_a_check_that_breaks_is_a_fault_without_its_message(clock, answer, fault):
    assert await a_readiness(clock, Check(answer=answer)).findings() == (
        Finding("database", fault),
    )


async def test_a_check_without_a_coroutine_is_a_fault(clock):
    class Plain:
        name = "plain"

        def check(self):
            return None

    assert (await a_readiness(clock, Plain()).findings())[0].fault == "raised TypeError"


async def test_a_late_check_is_a_fault_and_the_others_are_still_heard(clock, monkeypatch):
    monkeypatch.setattr(readiness, "CHECK_SECONDS", 0.01)
    ended = asyncio.Event()

    async def hangs():
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    late = Check("late", hangs)
    findings = await a_readiness(clock, late, Check()).findings()
    assert findings == (Finding("late", "took longer than 0.01 s"), Finding("database", None))
    await asyncio.wait_for(ended.wait(), 5)


async def test_a_check_that_cannot_be_cancelled_is_not_asked_again(clock, monkeypatch):
    """A stuck check costs one task, not one for each probe."""
    monkeypatch.setattr(readiness, "CHECK_SECONDS", 0.01)
    go = asyncio.Event()

    async def stubborn():
        while not go.is_set():
            try:
                await go.wait()
            except asyncio.CancelledError:
                continue

    stuck = Check("stuck", stubborn)
    asked = a_readiness(clock, stuck)
    for _ in range(3):
        assert (await asked.findings())[0].fault == "took longer than 0.01 s"
        clock.advance(FRESH_SECONDS)
    assert stuck.asked == 1
    go.set()


async def test_a_change_is_logged_once(clock, check, caplog):
    asked = a_readiness(clock, check)
    with caplog.at_level(logging.INFO):
        for answer in (None, None, "is gone", "is gone", None):
            check.answer = answer
            clock.advance(FRESH_SECONDS)
            await asked.findings()
    assert caplog.messages == ["ready", "not ready: database is gone", "ready"]
