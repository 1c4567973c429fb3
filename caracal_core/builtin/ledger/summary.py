"""The journal summed up: whole days from their rolled-up sums, the rest entry by entry.

What a day's sealed entries come to stands in ``spend_days``, written with their seal. So a sum is
that of whole days, of the sealed entries of a day of which only a part is asked for, and of the
entries that are not sealed yet; all seen by one statement at one instant, and exact.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Literal, cast, get_args

from msgspec import Struct

from caracal_core.builtin.ledger.by_index import fetch_by_index
from caracal_core.builtin.ledger.errors import LedgerError
from caracal_core.builtin.ledger.sealing.archives import archived_between
from caracal_core.builtin.ledger.sealing.days import DAY_SECONDS
from caracal_core.builtin.ledger.selection import ALL, SUBTREE, WHEN, WHOSE, Selection
from caracal_core.builtin.ledger.statement import Statement
from caracal_core.domain.money import MICRO, decimal
from caracal_core.ports import Database, Row

By = Literal["agent", "route", "day"]
Order = Literal["name", "most"]

_DAYS_MAX = 2**31 - 1
_SUMS = ("calls", "voided", "adjusted", "posted_whole", "posted_rest", "reserved_whole",
         "reserved_rest", "held_whole", "held_rest")  # fmt: skip
# Wholes and millionths are summed apart, so that no sum overflows.
_OF_ENTRIES = """
    SELECT <name> AS name, currency,
           CASE kind WHEN 'posted' THEN 1 ELSE 0 END AS calls,
           CASE kind WHEN 'voided' THEN 1 ELSE 0 END AS voided,
           CASE kind WHEN 'adjustment' THEN 1 ELSE 0 END AS adjusted,
           amount_micro / 1000000 AS posted_whole, amount_micro % 1000000 AS posted_rest,
           held_micro / 1000000 AS reserved_whole, held_micro % 1000000 AS reserved_rest,
           0 AS held_whole, 0 AS held_rest
    FROM entries
"""
# The ids of a day's sealed entries stand beside its sums, so that no index on time is needed.
_OF_A_PART = f"""
    {_OF_ENTRIES}
    WHERE id >= (SELECT min(first_id) FROM spend_days WHERE day = <day>)
      AND id <= (SELECT max(last_id) FROM spend_days WHERE day = <day>)
      AND created_at >= <since> AND created_at < <until> AND {WHOSE}
"""  # noqa: S608 - constants


def _part(place: int) -> str:
    """Return the sums of a part of a day, which three places from this one on say."""
    text = _OF_A_PART.replace("<day>", f"CAST(${place} AS INTEGER)")
    text = text.replace("<since>", f"CAST(${place + 1} AS DOUBLE PRECISION)")
    return text.replace("<until>", f"CAST(${place + 2} AS DOUBLE PRECISION)")


_SUMMARY = f"""
WITH RECURSIVE {SUBTREE},
    sealed(last_id) AS (
        SELECT COALESCE((SELECT last_id FROM seals ORDER BY number DESC LIMIT 1), 0)
    )
SELECT name, currency, {", ".join(f"sum({each}) AS {each}" for each in _SUMS)}
FROM (
    SELECT <rolled> AS name, currency, calls, voided, adjusted, amount_whole AS posted_whole,
           amount_rest AS posted_rest, held_whole AS reserved_whole, held_rest AS reserved_rest,
           0 AS held_whole, 0 AS held_rest
    FROM spend_days
    WHERE day >= CAST($6 AS INTEGER) AND day < CAST($7 AS INTEGER) AND {WHOSE}
    UNION ALL {_OF_ENTRIES}
    WHERE id > (SELECT last_id FROM sealed) AND {WHEN} AND {WHOSE}
    UNION ALL {_part(8)}
    UNION ALL {_part(11)}
    UNION ALL
    SELECT <name>, currency, 0, 0, 0, 0, 0, 0, 0, amount_micro / 1000000, amount_micro % 1000000
    FROM reservations
    WHERE state = 'pending' AND {WHEN} AND {WHOSE}
) AS movements
GROUP BY name, currency
ORDER BY <order> name, currency
LIMIT $14
"""  # noqa: S608 - constants
_ORDERS: Mapping[Order, str] = MappingProxyType(
    {"name": "", "most": "sum(posted_whole) + sum(posted_rest) / 1000000.0 DESC,"}
)
_STATEMENTS: Mapping[tuple[By, Order], Statement] = MappingProxyType(
    {
        (by, order): Statement(
            _SUMMARY.replace("<rolled>", by)
            .replace("<name>", "{day}" if by == "day" else by)
            .replace("<order>", first)
        )
        for by in get_args(By)
        for order, first in _ORDERS.items()
    }
)

Part = tuple[int | None, float | None, float | None]


class Total(Struct, frozen=True):
    """A sum of amounts: exact, and larger than any one amount where it comes to that.

    Attributes:
        micro: in millionths of the currency's unit.
        currency: of each of them.
    """

    micro: int
    currency: str

    @property
    def decimal(self) -> str:
        """The sum as `Money.decimal` writes an amount."""
        return decimal(self.micro)


class Sum(Struct, frozen=True):
    """What one agent, route or day comes to in one currency.

    Attributes:
        name: which one.
        currency: the sum's currency.
        calls: how many charges were posted.
        voided: how many were voided.
        posted: what they did cost, adjustments included.
        held: what is held for those that have not ended.
        adjusted: how many adjustments were entered.
        reserved: what had been held for those that ended.
    """

    name: str
    currency: str
    calls: int
    voided: int
    posted: Total
    held: Total
    adjusted: int
    reserved: Total


class Spans(Struct, frozen=True):
    """A span of time, cut into whole days and at most two parts of days.

    Attributes:
        first: the first whole day, counted from 1970-01-01.
        end: the day behind the last whole one.
        parts: day, first instant and end of each part; Nones where there is none.
    """

    first: int
    end: int
    parts: tuple[Part, Part]


async def summary(
    database: Database,
    by: By,
    selection: Selection = ALL,
    *,
    limit: int,
    order: Order = "name",
) -> Sequence[Sum]:
    """Sum up entries and open holds.

    Args:
        database: where they are.
        by: what has a sum of its own, in each currency.
        selection: only what was entered or held so; it names no charge.
        limit: return at most so many sums.
        order: by ``name``, or the ``most`` first.

    Raises:
        AccountError: the selection names nobody.
        LedgerError: it begins or ends within a day whose entries were archived.
        Failure: the database cannot be asked.
    """
    await selection.check(database)
    spans = cut(selection.since, selection.until)
    await _see_parts(database, spans)
    days = (spans.first, spans.end, *spans.parts[0], *spans.parts[1])
    sql = _STATEMENTS[by, order][database.dialect]
    rows = await fetch_by_index(database, sql, *selection.places(), *days, limit)
    return [_sum(by, row) for row in rows]


def cut(since: float | None, until: float | None) -> Spans:
    """Cut the time from one instant to another, either of which may be open."""
    none: Part = (None, None, None)
    first = -_DAYS_MAX if since is None else _bounded(math.ceil(since / DAY_SECONDS))
    end = _DAYS_MAX if until is None else _bounded(math.floor(until / DAY_SECONDS))
    before = after = none
    if since is not None and since < first * DAY_SECONDS:
        midnight = float(first * DAY_SECONDS)
        before = (first - 1, since, midnight if until is None else min(until, midnight))
    if until is not None and until > end * DAY_SECONDS and end >= first:
        after = (end, float(end * DAY_SECONDS), until)
    return Spans(first, end, (before, after))


async def _see_parts(database: Database, spans: Spans) -> None:
    """See that the entries of days of which a part is asked for are here."""
    for _, since, until in spans.parts:
        found = [] if since is None else await archived_between(database, since, until)
        for month, file in found:
            raise LedgerError(
                f"The entries of {month} are archived, in {file}: "
                "its sums are of whole days, so begin and end at midnight in UTC."
            )


def _bounded(day: int) -> int:
    return max(-_DAYS_MAX, min(day, _DAYS_MAX))


def _sum(by: By, row: Row) -> Sum:
    def total(name: str) -> Total:
        whole, rest = (int(cast(int, row[f"{name}_{part}"])) for part in ("whole", "rest"))
        return Total(whole * MICRO + rest, cast(str, row["currency"]))

    name, currency = row["name"], cast(str, row["currency"])
    if by == "day":
        midnight = datetime.fromtimestamp(cast(int, name) * DAY_SECONDS, UTC)
        name = midnight.date().isoformat()
    calls, voided, adjusted = (
        int(cast(int, row[column])) for column in ("calls", "voided", "adjusted")
    )
    return Sum(
        cast(str, name),
        currency,
        calls,
        voided,
        total("posted"),
        total("held"),
        adjusted,
        total("reserved"),
    )
