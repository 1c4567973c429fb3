"""What was resolved is entered in the journal, and the windows move by what was entered."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from caracal_core.builtin.ledger.statement import Statement, array
from caracal_core.builtin.ledger.windows import lock
from caracal_core.ports import Dialect, Row, Statements

_ENTER = Statement("""
INSERT INTO entries (
    charge, kind, agent, route, request, currency, held_micro, amount_micro, cause, basis, price,
    created_at
)
SELECT COALESCE(charge, id), state, agent, route, request, currency, amount_micro, posted_micro,
       cause, basis, price, ended_at
FROM reservations WHERE id {among:$1 TEXT}
""")
# At most what was held is posted, so that no counter is passed and no excess grows.
_MOVE = Statement("""
UPDATE budget_windows SET
    held_micro = held_micro - moved.held, spent_micro = spent_micro + moved.spent
FROM (
    SELECT held_in.value AS id, CAST(sum(r.amount_micro) AS BIGINT) AS held,
           CAST(sum(r.posted_micro) AS BIGINT) AS spent
    FROM reservations AS r CROSS JOIN {held_in}
    WHERE r.id {among:$1 TEXT}
    GROUP BY held_in.value
) AS moved
WHERE budget_windows.id = moved.id
""")


async def enter(tx: Statements, dialect: Dialect, ended: Sequence[Row]) -> None:
    """Enter how these reservations ended, none above its hold, and move their windows.

    Args:
        tx: the transaction in which they ended.
        dialect: of the database.
        ended: their rows, with ``id`` and ``windows``.
    """
    ids = array(cast(str, row["id"]) for row in ended)
    await tx.execute(_ENTER[dialect], ids)
    if dialect == "postgresql":
        await lock(tx, {window for row in ended for window in cast(list[int], row["windows"])})
    await tx.execute(_MOVE[dialect], ids)
