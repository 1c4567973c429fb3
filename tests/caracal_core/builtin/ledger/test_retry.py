"""Pauses grow with every failure up to a bound, and are not all alike."""

from __future__ import annotations

import pytest

from caracal_core.builtin.ledger import retry
from caracal_core.builtin.ledger.retry import pause


@pytest.fixture
def longest(monkeypatch):
    """Each pause is as long as it may be."""
    monkeypatch.setattr(retry.random, "uniform", lambda _low, high: high)


def test_the_pauses_grow(longest):
    assert [pause(failed) for failed in range(3)] == [0.02, 0.04, 0.08]


def test_the_pauses_grow_to_a_bound(longest):
    """A store that was down for long is found again soon."""
    assert pause(20) == pause(10**9) == retry.LONGEST_PAUSE_SECONDS


def test_what_failed_together_does_not_come_back_together():
    """But none before half its time."""
    pauses = [pause(3) for _ in range(100)]
    assert len(set(pauses)) > 1
    assert all(0.08 <= each <= 0.16 for each in pauses)
