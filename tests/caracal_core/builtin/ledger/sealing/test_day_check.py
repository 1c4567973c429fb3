"""Sums by day that somebody changed are found, whichever number it is."""

from __future__ import annotations

import pytest

from caracal_core.builtin.ledger.sealing.day_check import false_day

NUMBERS = ["calls", "voided", "adjusted", "amount_whole", "amount_rest", "held_whole", "held_rest"]


async def test_sums_of_seals_are_those_of_their_entries(database, enter, seal):
    """Also where entries are not sealed yet, or a sum is full."""
    assert await false_day(database) is None
    await enter(30)
    await seal(7)
    await enter(3, kind="posted", amount_micro=2**63 - 1, agent="rich")
    await seal(7)
    await enter(3)
    assert await false_day(database) is None


async def test_a_changed_sum_is_found(enter, seal, intruder):
    await enter(30)
    await seal(7)
    changes = [f"UPDATE spend_days SET {name} = {name} + 1 WHERE day = 20780" for name in NUMBERS]  # noqa: S608 - constants
    changes += [
        "UPDATE spend_days SET agent = 'mallory' WHERE day = 20780 AND agent = 'bob'",
        "UPDATE spend_days SET last_id = 0 WHERE day = 20780",
        "DELETE FROM spend_days WHERE day = 20780 AND agent = 'bob'",
    ]
    for change in changes:
        async with intruder.at_work():
            assert await intruder.execute(change)
            assert "2026-11-23" in str(await false_day(intruder)), change


@pytest.mark.parametrize(
    "change", ["DELETE FROM spend_days WHERE day = 20780", "DELETE FROM spend_days"]
)
async def test_days_that_are_gone_altogether_are_missed(enter, seal, intruder, change):
    await enter(30)
    await seal(7)
    async with intruder.at_work():
        assert await intruder.execute(change)
        assert "not those of all sealed entries" in await false_day(intruder)


async def test_a_day_that_never_was_is_found(enter, seal, intruder):
    await enter(1)
    await seal()
    async with intruder.at_work():
        await intruder.execute(
            "INSERT INTO spend_days SELECT day + 2000000000, agent, route, currency, calls, voided,"
            " adjusted, amount_whole, amount_rest, held_whole, held_rest, first_id, last_id"
            " FROM spend_days"
        )
        assert "day 2000020780" in await false_day(intruder)
