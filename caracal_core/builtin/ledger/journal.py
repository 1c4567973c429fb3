"""What ended is entered in the journal, and the windows move by what was entered."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import msgspec

from caracal_core.builtin.ledger.statement import Statement, array
from caracal_core.builtin.ledger.windows import lock
from caracal_core.ports import Dialect, Row, Statements

_ENTER = Statement("""
INSERT INTO entries (
    charge, kind, agent, route, request, currency, held_micro, amount_micro, cause, created_at
)
SELECT id, state, agent, route, request, currency, amount_micro, posted_micro, cause, ended_at
FROM reservations WHERE id {among:$1 TEXT}
RETURNING id
""")
_ADJUST = Statement("""
INSERT INTO entries (
    charge, kind, agent, route, request, currency, held_micro, amount_micro, cause, created_at
)
SELECT id, 'adjustment', agent, route, request, $4, 0, $3, 'adjustment', {now}
FROM reservations WHERE id = $2
ON CONFLICT DO NOTHING
RETURNING id
""")
# A counter that is full stays full instead of overflowing; the entry has the whole amount.
_MOVE = Statement("""
UPDATE budget_windows SET
    held_micro = held_micro - moved.held,
    spent_micro = spent_micro + moved.spent,
    excess_micro = {greatest}(
        excess_micro, spent_micro + moved.spent - moved.held + held_micro - limit_micro
    )
FROM (
    SELECT w.id, CAST(sum(e.held_micro) AS BIGINT) AS held,
           {least}(
               CAST(sum(e.amount_micro) AS BIGINT),
               9223372036854775807 - w.spent_micro - w.held_micro
               + CAST(sum(e.held_micro) AS BIGINT)
           ) AS spent
    FROM entries AS e
    JOIN reservations AS r ON r.id = e.charge
    CROSS JOIN {each}(r.windows) AS held_in
    JOIN budget_windows AS w ON w.id = CAST(held_in.value AS BIGINT)
    WHERE e.id {among:$1 BIGINT} AND w.id {among:$2 BIGINT}
    GROUP BY w.id, w.spent_micro, w.held_micro
) AS moved
WHERE budget_windows.id = moved.id AND budget_windows.id {among:$2 BIGINT}
""")


async def enter(tx: Statements, dialect: Dialect, ended: Sequence[Row]) -> None:
    """Enter how these reservations ended and move their windows.

    Args:
        tx: the transaction in which they ended.
        dialect: of the database.
        ended: their rows, with ``id`` and ``windows``.
    """
    ids = array(cast(str, row["id"]) for row in ended)
    entries = await tx.fetch(_ENTER[dialect], ids)
    await _move(tx, dialect, entries, ended)


async def adjust(
    tx: Statements, dialect: Dialect, late: Row, micro: int, currency: str, at: float | None
) -> bool:
    """Enter an amount that became known after the reservation's end, once.

    Returns:
        Whether it was entered; False where an adjustment of the charge stands already.
    """
    entries = await tx.fetch(_ADJUST[dialect], at, late["id"], micro, currency)
    if entries:
        await _move(tx, dialect, entries, [late])
    return bool(entries)


async def _move(
    tx: Statements, dialect: Dialect, entries: Sequence[Row], ended: Sequence[Row]
) -> None:
    windows = {window for row in ended for window in msgspec.json.decode(cast(str, row["windows"]))}
    if windows:
        locked = await lock(tx, dialect, windows)
        await tx.execute(_MOVE[dialect], array(cast(int, row["id"]) for row in entries), locked)
