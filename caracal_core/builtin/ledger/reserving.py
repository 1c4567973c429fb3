"""A hold fits every window of every budget on its path, or nothing is held."""

from __future__ import annotations

from typing import cast

from caracal_core.builtin.ledger.errors import PART, Conflict
from caracal_core.builtin.ledger.statement import Statement, array
from caracal_core.builtin.ledger.windows import Path, lock_path, open_path, shortage
from caracal_core.domain import Charge, Reservation
from caracal_core.ports import Database, Dialect, Row, Statements

_HOLD = Statement("""
UPDATE budget_windows SET held_micro = held_micro + $2
WHERE id {among:$1 BIGINT}
  AND $2 <= limit_micro - spent_micro - held_micro
""")
_RESERVE = Statement("""
INSERT INTO reservations (
    id, agent, accounts, route, request, currency, amount_micro, orphan, owner, windows,
    created_at, expires_at
)
WITH clock(instant) AS (SELECT {now})
SELECT $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, instant, instant + $12
FROM clock
WHERE TRUE
ON CONFLICT (id) DO NOTHING
RETURNING expires_at
""")
_FIND = """
SELECT agent, accounts, route, request, currency, amount_micro, orphan, state, expires_at
FROM reservations WHERE id = $1
"""


class _NothingHeld(Exception):
    """Rolls back what was done so far; it never leaves this file."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path


async def reserve(
    database: Database, charge: Charge, owner: str, at: float | None = None
) -> Reservation:
    """Hold the charge's amount, or find what an earlier try of the same charge holds.

    Args:
        database: where the books are.
        charge: what to hold.
        owner: who renews the hold.
        at: do it at this instant, in unix seconds, instead of now by the database's clock.

    Raises:
        BudgetExceeded: it does not fit.
        Conflict: the id is taken.
        Failure: the store cannot be asked.
    """
    opened = 1
    while True:
        try:
            return await database.transact(
                lambda tx: _hold(tx, database.dialect, charge, owner, at)
            )
        except _NothingHeld as nothing:
            path = nothing.path
        earlier = await _find(database, charge)
        if earlier is not None:
            return earlier
        if path.complete or not (path.windows or opened):
            raise shortage(charge, path.windows)
        opened = await open_path(database, charge, at)


async def _hold(
    tx: Statements, dialect: Dialect, charge: Charge, owner: str, at: float | None
) -> Reservation:
    """Lock first, decide in a second statement, which sees what the locks waited for."""
    path = await lock_path(tx, dialect, charge, at)
    if not path.complete:
        raise _NothingHeld(path)
    windows = array(window.id for window in path.windows)
    held = await tx.execute(_HOLD[dialect], windows, charge.amount.micro)
    if held != len(path.windows):
        raise _NothingHeld(path)
    rows = await tx.fetch(
        _RESERVE[dialect],
        at,
        *_columns(charge),
        owner,
        windows,
        charge.expire_seconds,
    )
    if not rows:
        raise _NothingHeld(path)
    return Reservation(charge.id, charge.amount, cast(float, rows[0]["expires_at"]))


def _columns(charge: Charge) -> tuple[object, ...]:
    """Return what a reservation says of its charge, in the order of the table."""
    return (
        charge.id,
        charge.agent,
        array(charge.accounts),
        charge.route,
        charge.request,
        charge.amount.currency,
        charge.amount.micro,
        charge.orphan,
    )


async def _find(database: Database, charge: Charge) -> Reservation | None:
    """Return what an earlier try of the charge holds, or None.

    Raises:
        Conflict: the id is taken.
    """
    rows = await database.fetch(_FIND, charge.id)
    if not rows:
        return None
    (row,) = rows
    if row["state"] != "pending":
        raise Conflict(PART, f"the charge {charge.id} has ended already: {row['state']}")
    if not _same(row, charge):
        raise Conflict(PART, f"the id {charge.id} is another charge's")
    return Reservation(charge.id, charge.amount, cast(float, row["expires_at"]))


def _same(row: Row, charge: Charge) -> bool:
    names = ("agent", "accounts", "route", "request", "currency", "amount_micro", "orphan")
    return tuple(row[name] for name in names) == _columns(charge)[1:]
