"""The journal as those who pay read it: entry by entry, or summed up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Literal, cast

import msgspec
from msgspec import Struct

from caracal_core.builtin.ledger.statement import Statement
from caracal_core.domain import Basis, Cause, Money
from caracal_core.domain.money import LARGEST, MICRO
from caracal_core.ports import Database, Row

By = Literal["agent", "route", "day"]

_QUERY = """
SELECT id, charge, kind, agent, route, request, currency, held_micro, amount_micro, cause,
       basis, price, created_at
FROM entries
WHERE (CAST($1 AS TEXT) IS NULL OR agent = $1) AND (CAST($2 AS TEXT) IS NULL OR route = $2)
  AND (CAST($3 AS DOUBLE PRECISION) IS NULL OR created_at >= $3)
  AND (CAST($4 AS DOUBLE PRECISION) IS NULL OR created_at < $4)
ORDER BY id DESC
LIMIT $5
"""
# Wholes and millionths are summed apart, so that no sum overflows.
_SUMMARY = """
SELECT name, currency, sum(calls) AS calls, sum(voided) AS voided,
       sum(posted_whole) AS posted_whole, sum(posted_rest) AS posted_rest,
       sum(held_whole) AS held_whole, sum(held_rest) AS held_rest
FROM (
    SELECT <by> AS name, currency,
           CASE kind WHEN 'posted' THEN 1 ELSE 0 END AS calls,
           CASE kind WHEN 'voided' THEN 1 ELSE 0 END AS voided,
           amount_micro / 1000000 AS posted_whole, amount_micro % 1000000 AS posted_rest,
           0 AS held_whole, 0 AS held_rest
    FROM entries
    WHERE (CAST($1 AS DOUBLE PRECISION) IS NULL OR created_at >= $1)
      AND (CAST($2 AS DOUBLE PRECISION) IS NULL OR created_at < $2)
    UNION ALL
    SELECT <by>, currency, 0, 0, 0, 0, amount_micro / 1000000, amount_micro % 1000000
    FROM reservations
    WHERE state = 'pending'
      AND (CAST($1 AS DOUBLE PRECISION) IS NULL OR created_at >= $1)
      AND (CAST($2 AS DOUBLE PRECISION) IS NULL OR created_at < $2)
) AS movements
GROUP BY name, currency
ORDER BY name, currency
LIMIT $3
"""
_SUMMARIES: Mapping[By, Statement] = MappingProxyType(
    {
        "agent": Statement(_SUMMARY.replace("<by>", "agent")),
        "route": Statement(_SUMMARY.replace("<by>", "route")),
        "day": Statement(_SUMMARY.replace("<by>", "{day}")),
    }
)


class Entry(Struct, frozen=True):
    """One line of the journal; entries are added and never change.

    Attributes:
        id: counts up.
        created_at: unix seconds by the database's clock.
        charge: the charge's public id.
        kind: ``posted`` and ``voided`` end a hold; an ``adjustment`` is money spent beside it.
        agent: the agent's name; empty where no hold of the charge is known.
        route: id of the route.
        request: id of the exchange.
        held: what had been held until then.
        amount: what it did cost; above ``held`` it was an overrun.
        cause: why.
        basis: how the amount came about.
        price: names the version of the price that the hold was computed by.
    """

    id: int
    created_at: float
    charge: str
    kind: Literal["posted", "voided", "adjustment"]
    agent: str
    route: str
    request: str
    held: Money
    amount: Money
    cause: Cause
    basis: Basis = ""
    price: str = ""


class Sum(Struct, frozen=True):
    """What one agent, route or day comes to in one currency.

    A sum that no `Money` can hold is shown as the largest that one can.

    Attributes:
        name: which one.
        currency: the sum's currency.
        calls: how many charges were posted.
        voided: how many were voided.
        posted: what they did cost, adjustments included.
        held: what is held for those that have not ended.
    """

    name: str
    currency: str
    calls: int
    voided: int
    posted: Money
    held: Money


async def query(
    database: Database,
    *,
    agent: str | None = None,
    route: str | None = None,
    since: float | None = None,
    until: float | None = None,
    limit: int,
) -> Sequence[Entry]:
    """Return the latest entries first.

    Args:
        database: where they are.
        agent: only this agent's.
        route: only this route's.
        since: only from this instant on, in unix seconds.
        until: only before this instant, in unix seconds.
        limit: return at most so many.
    """
    return [_entry(row) for row in await database.fetch(_QUERY, agent, route, since, until, limit)]


async def summary(
    database: Database,
    by: By,
    *,
    since: float | None = None,
    until: float | None = None,
    limit: int,
) -> Sequence[Sum]:
    """Sum up entries and open holds.

    Args:
        database: where they are.
        by: what has a sum of its own, in each currency.
        since: only what was entered or held from this instant on, in unix seconds.
        until: only what was entered or held before this instant, in unix seconds.
        limit: return at most so many sums.
    """
    rows = await database.fetch(_SUMMARIES[by][database.dialect], since, until, limit)
    return [_sum(row) for row in rows]


def _entry(row: Row) -> Entry:
    currency = cast(str, row["currency"])
    held = Money(cast(int, row["held_micro"]), currency)
    amount = Money(cast(int, row["amount_micro"]), currency)
    return msgspec.convert({**row, "held": held, "amount": amount}, Entry)


def _sum(row: Row) -> Sum:
    def money(name: str) -> Money:
        whole, rest = (int(cast(int, row[f"{name}_{part}"])) for part in ("whole", "rest"))
        return Money(min(whole * MICRO + rest, LARGEST), cast(str, row["currency"]))

    name, currency = cast(str, row["name"]), cast(str, row["currency"])
    calls, voided = (int(cast(int, row[column])) for column in ("calls", "voided"))
    return Sum(name, currency, calls, voided, money("posted"), money("held"))
