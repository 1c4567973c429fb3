"""Works of one charge stand in line in the order of the calls; nothing in hand is forgotten."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caracal_core.builtin.ledger.lines import Ending, Lines, Reserve
from caracal_core.builtin.ledger.settling import End
from caracal_core.testing.fakes import a_charge, usd


@pytest.fixture
def lines():
    return Lines()


def ending(id, receipt=None):
    return Ending(id, receipt, End(id, "reply"))


def test_the_first_of_a_charge_has_its_turn_and_those_behind_it_one_by_one(lines):
    first, second, third = ending("a"), ending("a"), ending("a")
    assert [lines.add(work) for work in (first, second, third)] == [True, False, False]
    assert lines.in_hand == 3
    assert lines.leave(first) is second
    assert lines.leave(second) is third
    assert "a" in lines
    assert lines.leave(third) is None
    assert "a" not in lines
    assert lines.in_hand == 0


def test_other_charges_do_not_wait(lines):
    assert lines.add(ending("a"))
    assert lines.add(ending("b"))


@given(calls=st.lists(st.tuples(st.sampled_from("abc"), st.booleans()), max_size=40))
def test_each_line_is_first_in_first_out_and_the_count_is_true(calls):
    """Against plain lists, for any interleaving of calls and answers."""
    lines, model, turns = Lines(), {"a": [], "b": [], "c": []}, {}
    for name, adds in calls:
        if adds:
            work = ending(name)
            model[name].append(work)
            if lines.add(work):
                turns[name] = work
        elif model[name]:
            assert turns[name] is model[name].pop(0)
            turns[name] = lines.leave(turns[name])
        assert lines.in_hand == sum(map(len, model.values()))
        assert all((name in lines) == bool(line) for name, line in model.items())
    left = lines.clear()
    assert len(left) == sum(map(len, model.values()))
    assert all(work in left for line in model.values() for work in line)
    assert lines.in_hand == 0


async def test_who_waits_for_the_end_waits_for_what_still_comes(lines):
    first, second = ending("a"), ending("b")
    lines.add(first)
    waiting = asyncio.ensure_future(lines.emptied(60))
    await asyncio.sleep(0)
    lines.leave(first)
    lines.add(second)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert not waiting.done()
    lines.leave(second)
    async with asyncio.timeout(10):
        await waiting


async def test_nobody_waits_longer_than_said(lines):
    lines.add(ending("a"))
    await lines.emptied(0.001)
    assert lines.in_hand == 1


async def test_a_reserve_is_in_vain_when_its_time_is_over_or_nobody_waits():
    loop = asyncio.get_running_loop()
    work = Reserve("a", loop.create_future(), a_charge(usd("1"), "alice"), until=5.0)
    assert not work.is_in_vain(4.9)
    assert work.is_in_vain(5.0)
    work.receipt.cancel()
    assert work.is_in_vain(0.0)
