"""Sums by day are written with the seal of their entries, and add up over seals."""

from __future__ import annotations

import pytest

from caracal_core.builtin.ledger.sealing.days import DAY_SECONDS, day_of
from caracal_core.errors import Failure

MIDNIGHT = 1_795_392_000.0


@pytest.mark.parametrize(
    ("instant", "day"), [(0.0, 0), (86_399.999, 0), (86_400.0, 1), (MIDNIGHT - 0.001, 20779)]
)
def test_a_day_is_the_calendars_in_utc(instant, day):
    assert day_of(instant) == day


async def test_each_day_agent_route_and_currency_has_a_sum_of_its_own(database, enter, seal):
    same = {"agent": "a", "route": "r", "currency": "USD", "created_at": MIDNIGHT}
    await enter(1, **same, kind="posted", held_micro=3_000_001, amount_micro=2_500_000)
    await seal()
    await enter(1, **same, kind="voided", held_micro=1_000_000, amount_micro=0)
    await enter(1, **same, kind="adjustment", held_micro=0, amount_micro=600_000)
    await seal()
    for other in ({"agent": "b"}, {"route": "s"}, {"currency": "EUR"},
                  {"created_at": MIDNIGHT + DAY_SECONDS}):  # fmt: skip
        await enter(1, **{**same, **other}, kind="posted", held_micro=1, amount_micro=1)
    await seal()
    rows = await database.fetch("SELECT * FROM spend_days ORDER BY first_id")
    assert len(rows) == 5
    assert dict(rows[0]) == {
        "day": 20780, "agent": "a", "route": "r", "currency": "USD",
        "calls": 1, "voided": 1, "adjusted": 1, "amount_whole": 2, "amount_rest": 1_100_000,
        "held_whole": 4, "held_rest": 1, "first_id": 1, "last_id": 3,
    }  # fmt: skip


async def test_a_seal_that_fails_leaves_no_sums(database, enter, seal):
    """They are written in one transaction."""
    await enter(2)
    await database.execute("ALTER TABLE seals RENAME TO hidden")
    with pytest.raises(Failure):
        await seal()
    await database.execute("ALTER TABLE hidden RENAME TO seals")
    assert await database.fetch("SELECT * FROM spend_days") == []
    await seal()
    assert len(await database.fetch("SELECT * FROM spend_days")) == 2
