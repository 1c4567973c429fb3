"""The calendar that both databases compute is Python's, and their clock is the one on the wall."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pytest

from caracal_core.builtin.ledger.statement import Statement

STARTS = Statement("WITH {starts} SELECT period, starts_at FROM starts")
NOW = Statement("SELECT {now} AS now")
DAY = Statement("SELECT {day} AS day FROM (SELECT CAST($1 AS DOUBLE PRECISION) AS created_at) AS t")

INSTANTS = [
    "1970-01-01T00:00:00",
    "1970-01-05T00:00:00",
    "2024-02-28T23:59:59.999",
    "2024-02-29T00:00:00",
    "2024-02-29T23:59:59.5",
    "2024-12-29T12:00:00",
    "2024-12-30T00:00:00",
    "2024-12-31T23:59:59.999",
    "2025-01-01T00:00:00",
    "2026-03-29T01:30:00",
    "2026-10-25T00:59:59.4",
    "2026-11-22T23:59:59.6",
    "2026-11-23T00:00:00",
    "2100-03-01T00:00:00",
]


def started(at):
    """Return since when the calendar windows around an instant have been running."""
    hour = at.replace(minute=0, second=0, microsecond=0)
    day = hour.replace(hour=0)
    return {
        "hour": hour.timestamp(),
        "day": day.timestamp(),
        "week": (day - timedelta(days=day.weekday())).timestamp(),
        "month": day.replace(day=1).timestamp(),
        "total": 0,
    }


@pytest.mark.parametrize("instant", INSTANTS)
async def test_windows_are_the_calendars_in_utc(database, instant):
    """Hours, days, ISO weeks and months, over leap days, years and summer time."""
    at = datetime.fromisoformat(instant).replace(tzinfo=UTC)
    rows = await database.fetch(STARTS[database.dialect], at.timestamp())
    assert {row["period"]: row["starts_at"] for row in rows} == started(at)
    (row,) = await database.fetch(DAY[database.dialect], at.timestamp())
    assert row["day"] == at.date().isoformat()


async def test_without_an_instant_it_is_the_databases_clock(database):
    """Which runs on this machine, like Python's."""
    before = time.time()
    (row,) = await database.fetch(NOW[database.dialect], None)
    assert before - 0.01 <= row["now"] <= time.time() + 0.01
