"""Charges as an operator sees them, and how one is ended by hand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import msgspec
from msgspec import Struct

from caracal_core.builtin.ledger.errors import LedgerError
from caracal_core.builtin.ledger.settling import End
from caracal_core.builtin.ledger.writing import settle
from caracal_core.domain import Basis, Cause, Money, State
from caracal_core.domain.route import Ending
from caracal_core.ports import Database, Row

_LIST = """
SELECT id, COALESCE(charge, id) AS charge, agent, route, request, owner, currency, amount_micro,
       state, posted_micro, cause, basis, price, created_at, expires_at, ended_at
FROM reservations
WHERE (CAST($1 AS TEXT) IS NULL OR state = $1) AND (CAST($2 AS TEXT) IS NULL OR agent = $2)
  AND agent <> ''
ORDER BY created_at DESC
LIMIT $3
"""
_FIND = """
SELECT id, currency, amount_micro FROM reservations WHERE id = $1 OR charge = $1
ORDER BY CASE state WHEN 'pending' THEN 0 ELSE 1 END, created_at DESC LIMIT 1
"""


class ChargeRecord(Struct, frozen=True):
    """A charge as it stands.

    Attributes:
        id: names this attempt.
        charge: the charge's public id, which a retried attempt has from the first one.
        agent: the agent's name.
        route: id of the route.
        request: id of the exchange.
        owner: the process that renews it while it is pending; a new name at each start.
        held: what was held.
        state: ``pending`` until it ends.
        posted: what it did cost.
        cause: why it ended; None while it is pending.
        basis: how the posted amount came about.
        price: names the version of the price that the hold was computed by.
        created_at: unix seconds by the database's clock, as the other instants.
        expires_at: when it is resolved unless somebody renews it.
        ended_at: when it ended; None while it is pending.
    """

    id: str
    charge: str
    agent: str
    route: str
    request: str
    owner: str
    held: Money
    state: State
    posted: Money
    cause: Cause | None
    basis: Basis
    price: str
    created_at: float
    expires_at: float
    ended_at: float | None


async def charges(
    database: Database, *, state: State | None = None, agent: str | None = None, limit: int
) -> Sequence[ChargeRecord]:
    """Return the latest charges first.

    Args:
        database: where they are.
        state: only charges in this state.
        agent: only this agent's.
        limit: return at most so many.
    """
    return [_record(row) for row in await database.fetch(_LIST, state, agent, limit)]


async def release(database: Database, id: str, ending: Ending) -> Money:
    """End a pending charge by hand, and return what was posted.

    Args:
        database: where it is.
        id: the attempt's id, or the public one.
        ending: ``post`` books the held amount, ``void`` gives it back.

    Raises:
        LedgerError: there is no such charge, or it has ended.
        Failure: the database cannot be asked.
    """
    rows = await database.fetch(_FIND, id)
    if not rows:
        raise LedgerError(f"There is no charge {id!r}; `caracal charges list` shows the open ones.")
    held = Money(cast(int, rows[0]["amount_micro"]), cast(str, rows[0]["currency"]))
    attempt = cast(str, rows[0]["id"])
    amount = held if ending == "post" else None
    end = End(attempt, "released", amount, "held" if amount is not None else "")
    settlement = await settle(database, end)
    receipt = settlement.receipt
    if settlement.news != "ended":
        raise LedgerError(
            f"The charge {id} has ended already: {receipt.state}, {receipt.amount}, because of "
            f"{receipt.cause}."
        )
    return receipt.amount


def _record(row: Row) -> ChargeRecord:
    currency = cast(str, row["currency"])
    held = Money(cast(int, row["amount_micro"]), currency)
    posted = Money(cast(int, row["posted_micro"]), currency)
    return msgspec.convert({**row, "held": held, "posted": posted}, ChargeRecord)
