"""The journal as those who pay read it, entry by entry."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Literal, cast

import msgspec
from msgspec import Struct

from caracal_core.builtin.ledger.selection import ALL, SUBTREE, WHEN, WHOSE, Selection
from caracal_core.domain import Basis, Cause, Money
from caracal_core.ports import Database, Row

PAGE = 5000
"""How many entries are read at once where all are."""

_SELECT = f"""
WITH RECURSIVE {SUBTREE}
SELECT id, charge, kind, agent, route, request, currency, held_micro, amount_micro, cause,
       basis, price, created_at
FROM entries
WHERE {WHOSE} AND {WHEN} AND (CAST($6 AS TEXT) IS NULL OR charge = $6)
  AND (CAST($7 AS TEXT) IS NULL OR request = $7)
"""  # noqa: S608 - constants
_LATEST = f"{_SELECT} ORDER BY id DESC LIMIT $8"
_NEXT = f"{_SELECT} AND id > $8 AND id <= $9 ORDER BY id LIMIT $10"
_END = "SELECT COALESCE(max(id), 0) AS last_id FROM entries"


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


async def query(database: Database, selection: Selection = ALL, *, limit: int) -> Sequence[Entry]:
    """Return the latest entries first.

    Args:
        database: where they are.
        selection: which ones.
        limit: return at most so many.

    Raises:
        AccountError: the selection names nobody.
        Failure: the database cannot be asked.
    """
    await selection.check(database)
    rows = await database.fetch(_LATEST, *_places(selection), limit)
    return [_entry(row) for row in rows]


async def every(database: Database, selection: Selection = ALL) -> AsyncIterator[Sequence[Entry]]:
    """Yield all entries that are there at the start, the earliest first, some at a time.

    Args:
        database: where they are.
        selection: which ones.

    Raises:
        AccountError: the selection names nobody.
        Failure: the database cannot be asked.
    """
    await selection.check(database)
    (last,) = await database.fetch(_END)
    after = -(2**63)
    while rows := await database.fetch(_NEXT, *_places(selection), after, last["last_id"], PAGE):
        yield [_entry(row) for row in rows]
        after = cast(int, rows[-1]["id"])


def _places(selection: Selection) -> Sequence[object]:
    """Return what stands for $1 to $7."""
    return (*selection.places(), selection.charge, selection.request)


def _entry(row: Row) -> Entry:
    currency = cast(str, row["currency"])
    held = Money(cast(int, row["held_micro"]), currency)
    amount = Money(cast(int, row["amount_micro"]), currency)
    return msgspec.convert({**row, "held": held, "amount": amount}, Entry)
