"""The sums by day are those of the sealed entries: reports may rely on them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import cast

from caracal_core.builtin.ledger.by_index import fetch_by_index
from caracal_core.builtin.ledger.sealing.archived import Archived
from caracal_core.builtin.ledger.sealing.days import DAY_SECONDS, DaySum
from caracal_core.domain.money import MICRO
from caracal_core.ports import Database, Row

_FULL = 2**63 - 1
_COUNTS = ("calls", "voided", "adjusted")
_DAYS = "SELECT DISTINCT day FROM spend_days WHERE day > $1 ORDER BY day LIMIT $2"
_DAYS_PAGE = 500
# Both halves are of one statement, so that a seal which is made meanwhile is in both or neither.
_OF_A_DAY = """
SELECT 'days' AS source, agent, route, currency, calls, voided, adjusted,
       amount_whole, amount_rest, held_whole, held_rest
FROM spend_days WHERE day = $1
UNION ALL
SELECT 'entries', agent, route, currency,
       sum(CASE kind WHEN 'posted' THEN 1 ELSE 0 END),
       sum(CASE kind WHEN 'voided' THEN 1 ELSE 0 END),
       sum(CASE kind WHEN 'adjustment' THEN 1 ELSE 0 END),
       sum(amount_micro / 1000000), sum(amount_micro % 1000000),
       sum(held_micro / 1000000), sum(held_micro % 1000000)
FROM entries
WHERE id >= (SELECT min(first_id) FROM spend_days WHERE day = $1)
  AND id <= (SELECT max(last_id) FROM spend_days WHERE day = $1)
  AND created_at >= CAST($2 AS DOUBLE PRECISION) AND created_at < CAST($3 AS DOUBLE PRECISION)
GROUP BY agent, route, currency
"""
_COUNT = """
SELECT (SELECT sum(calls + voided + adjusted) FROM spend_days) AS summed,
       (SELECT sum(entries) FROM seals) AS sealed
"""

_Key = tuple[object, object, object]
_Sums = tuple[int, ...]


async def false_day(database: Database, archived: Archived | None = None) -> str | None:
    """Say which day has sums that are not those of its sealed entries; None where all are right.

    Args:
        database: where they are.
        archived: the months that were archived, after a walk; of those without a file nothing
            can be said, except how many entries they have.

    Raises:
        Failure: the database cannot be asked.
    """
    archived, after = archived or Archived(), -(2**31)
    while days := await database.fetch(_DAYS, after, _DAYS_PAGE):
        for each in days:
            after = cast(int, each["day"])
            if archived.hides(after):
                continue
            start = float(after * DAY_SECONDS)
            rows = await fetch_by_index(database, _OF_A_DAY, after, start, start + DAY_SECONDS)
            if not _agree(rows, archived.sums(after)):
                return f"the sums of {_shown(after)} are not those of its sealed entries"
    (count,) = await database.fetch(_COUNT)
    if int(cast(int, count["summed"] or 0)) != int(cast(int, count["sealed"] or 0)):
        return "the sums by day are not those of all sealed entries"
    return None


def _agree(rows: Sequence[Row], filed: Mapping[tuple[str, str, str], DaySum]) -> bool:
    stored, actual = (
        {_key(row): _sums(row) for row in rows if row["source"] == source}
        for source in ("days", "entries")
    )
    for key, each in filed.items():
        here = actual.get(key, (0,) * len(_COUNTS) + (0, 0))
        sums = (each.calls, each.voided, each.adjusted, each.amount, each.held)
        actual[key] = tuple(min(one + other, _FULL) for one, other in zip(here, sums, strict=True))
    return stored.keys() == actual.keys() and all(
        have == due for key in stored for have, due in zip(stored[key], actual[key], strict=True)
    )


def _key(row: Row) -> _Key:
    return row["agent"], row["route"], row["currency"]


def _sums(row: Row) -> _Sums:
    """Return counts and amounts; an amount that is full says no more than that."""
    counts = tuple(int(cast(int, row[name])) for name in _COUNTS)
    amounts = tuple(
        min(
            int(cast(int, row[f"{name}_whole"])) * MICRO + int(cast(int, row[f"{name}_rest"])),
            _FULL,
        )
        for name in ("amount", "held")
    )
    return counts + amounts


def _shown(day: int) -> str:
    try:
        return datetime.fromtimestamp(day * DAY_SECONDS, UTC).date().isoformat()
    except (ValueError, OverflowError):
        return f"day {day}"
