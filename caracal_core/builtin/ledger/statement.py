"""One SQL statement in both dialects, written once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

import msgspec

from caracal_core.ports import Dialect
from caracal_core.storage.dialect import NOW

# The first of January 1970 was a Thursday, three days (259200 s) after a Monday.
_STARTS = """
    clock(instant) AS (SELECT {second}),
    starts(period, starts_at) AS (
        SELECT 'total', CAST(0 AS BIGINT) FROM clock
        UNION ALL SELECT 'hour', instant - instant % 3600 FROM clock
        UNION ALL SELECT 'day', instant - instant % 86400 FROM clock
        UNION ALL SELECT 'week', instant - (instant + 259200) % 604800 FROM clock
        UNION ALL SELECT 'month', {month} FROM clock
    )
"""
# Accounts are looked up by name, then their budgets: asked to join the periods too, SQLite would
# begin with those and read every budget.
_PATH = """
    path(budget_id, account, period, starts_at) AS (
        SELECT b.id, a.name, b.period,
               (SELECT s.starts_at FROM starts AS s WHERE s.period = b.period)
        FROM accounts AS a
        JOIN budgets AS b ON b.account_id = a.id
        WHERE a.name {among:$2 TEXT} AND b.currency = $3
    )
"""


def array(values: Iterable[str | int]) -> str:
    """Return the JSON array that a statement takes in the place of many values."""
    return msgspec.json.encode(list(values)).decode()


class _Among:
    """Replaces ``{among:$1 TEXT}``; the text has ``{position}`` and ``{kind}``."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __format__(self, spec: str) -> str:
        position, kind = spec.split()
        return self._text.format(position=position, kind=kind)


def _words(
    dialect: Dialect, second: str, month: str, among: str, **words: str
) -> Mapping[str, object]:
    now = f"COALESCE(CAST($1 AS DOUBLE PRECISION), {NOW[dialect]})"
    starts = _STARTS.format(second=second.format(now=now), month=month)
    path = _PATH.format(among=_Among(among))
    return MappingProxyType(
        {"now": now, "starts": starts, "path": path, "among": _Among(among), **words}
    )


_WORDS: Mapping[Dialect, Mapping[str, object]] = MappingProxyType(
    {
        "postgresql": _words(
            "postgresql",
            second="CAST(floor({now}) AS BIGINT)",
            month="CAST(extract(epoch FROM date_trunc("
            "'month', to_timestamp(instant) AT TIME ZONE 'UTC')) AS BIGINT)",
            day="(CAST(floor(created_at) AS BIGINT) / 86400)",
            # An array of unknown length is planned as a short one, a table function as a long one.
            among="= ANY(ARRAY("
            "SELECT CAST(value AS {kind}) FROM json_array_elements_text({position})))",
            held_in="unnest(r.windows) AS held_in(value)",
            least="least",
            greatest="greatest",
            for_update="FOR UPDATE",
            # Not FOR UPDATE: who moves a window twice asks with it in hand if its budget is there.
            for_update_of_b="FOR NO KEY UPDATE OF b",
            for_share_of_b="FOR SHARE OF b",
            skip_locked="FOR UPDATE SKIP LOCKED",
        ),
        "sqlite": _words(
            "sqlite",
            second="CAST({now} AS INTEGER)",
            month="CAST(strftime('%s', instant, 'unixepoch', 'start of month') AS INTEGER)",
            day="(CAST(created_at AS INTEGER) / 86400)",
            among="IN (SELECT value FROM json_each({position}))",
            held_in="json_each(r.windows) AS held_in",
            least="min",
            greatest="max",
            # BEGIN IMMEDIATE has locked the whole file already.
            for_update="",
            for_update_of_b="",
            for_share_of_b="",
            skip_locked="",
        ),
    }
)


class Statement:
    """A statement by dialect, as in ``LOCK[database.dialect]``.

    Args:
        template: SQL in which these words are replaced:
            ``{now}``: unix seconds by the database's clock, or $1 where that is not NULL;
            ``{starts}``: the table expression ``starts(period, starts_at)``: since when the
            calendar windows in UTC that {now} lies in have been running;
            ``{path}``: after it, ``path(budget_id, account, period, starts_at)``: the budgets in
            currency $3 of the accounts named in the JSON array $2, with their windows' starts;
            ``{day}``: the day in UTC that the column ``created_at`` lies in, counted from
            1970-01-01;
            ``{among:$1 TEXT}``: behind a column: it is one of the JSON array $1, of TEXT or BIGINT;
            ``{held_in}``: the windows of the reservation ``r`` as rows, with a column ``value``;
            ``{least}`` and ``{greatest}`` of their arguments;
            ``{for_update}``, ``{for_update_of_b}``, ``{for_share_of_b}`` and ``{skip_locked}``:
            row locks.
    """

    __slots__ = ("_texts",)

    def __init__(self, template: str) -> None:
        self._texts = {name: template.format_map(words) for name, words in _WORDS.items()}

    def __getitem__(self, dialect: Dialect) -> str:
        return self._texts[dialect]
