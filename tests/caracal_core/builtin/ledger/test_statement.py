"""The calendar that both databases compute is Python's, and nothing hot reads a whole table."""

from __future__ import annotations

import re
import time
from datetime import UTC, date, datetime, timedelta

import pytest

from caracal_core.builtin.ledger import expiry, journal, sqlite_write, windows
from caracal_core.builtin.ledger.sealing.days import day_of
from caracal_core.builtin.ledger.statement import Statement, array
from caracal_core.storage.database import open_database

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


async def test_an_array_stands_for_many_values(database):
    """Both databases take it, whatever is in the texts."""
    among = Statement("SELECT CAST(1 AS INTEGER) AS one WHERE CAST($2 AS TEXT) {among:$1 TEXT}")
    for value in ("a", "it's", '"', "\\", "ä\U0001f40e"):
        assert await database.fetch(among[database.dialect], array(["x", value]), value)
        assert not await database.fetch(among[database.dialect], array(["x", value]), "y")
    numbers = Statement("SELECT CAST(1 AS INTEGER) AS one WHERE 7 {among:$1 BIGINT}")
    assert await database.fetch(numbers[database.dialect], array(number for number in (3, 7)))
    assert not await database.fetch(numbers[database.dialect], array([]))


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
    assert row["day"] == day_of(at.timestamp()) == (at.date() - date(1970, 1, 1)).days


async def test_without_an_instant_it_is_the_databases_clock(database):
    """Which runs on this machine, like Python's."""
    before = time.time()
    (row,) = await database.fetch(NOW[database.dialect], None)
    assert before - 0.01 <= row["now"] <= time.time() + 0.01


HOT = {
    "open a path": windows._OPEN["sqlite"],
    "enter": journal._ENTER["sqlite"],
    "move": journal._MOVE["sqlite"],
    "renew": expiry._RENEW["sqlite"],
    "find expired": expiry._EXPIRED["sqlite"],
    "resolve": expiry._RESOLVE["sqlite"],
    "read reservations": sqlite_write._RECORDS,
    "read paths": sqlite_write._PATHS,
    "read windows": sqlite_write._WINDOWS,
    "read keys": sqlite_write._KEYS,
    "end a batch": sqlite_write._END,
    "adjust a batch": sqlite_write._ADJUST,
    "move a batch": sqlite_write._MOVE,
}


@pytest.mark.parametrize("name", HOT)
async def test_no_hot_statement_reads_a_whole_table(sqlite_config, name):
    """Without statistics too: each row is found by an index, however many others there are."""
    sql = HOT[name]
    positions = max(map(int, re.findall(r"\$([0-9]+)", sql)))
    async with open_database(sqlite_config) as database:
        rows = await database.fetch(f"EXPLAIN QUERY PLAN {sql}", *[None] * positions)
    steps = [str(row["detail"]) for row in rows]
    tables = "a|b|e|k|r|w|accounts|budgets|budget_windows|reservations|entries|idempotency_keys"
    assert not [step for step in steps if re.match(rf"SCAN ({tables})\b", step)]
    assert not [step for step in steps if "AUTOMATIC" in step]


async def test_a_json_array_is_told_apart_from_what_it_is_not(database):
    """Texts and numbers, also such as need quoting."""
    texts = Statement("SELECT 1 AS found FROM (SELECT 'a\"b' AS x) AS t WHERE x {among:$1 TEXT}")
    numbers = Statement("SELECT 1 AS found FROM (SELECT 7 AS x) AS t WHERE x {among:$1 BIGINT}")
    assert len(await database.fetch(texts[database.dialect], '["c", "a\\"b"]')) == 1
    assert len(await database.fetch(texts[database.dialect], '["a", "b"]')) == 0
    assert len(await database.fetch(numbers[database.dialect], "[1, 7]")) == 1
    assert len(await database.fetch(numbers[database.dialect], "[]")) == 0
