"""What ended a day ago is forgotten: keys first, then the reservations that they stand for."""

from __future__ import annotations

from typing import cast

from caracal_core.builtin.ledger.statement import Statement
from caracal_core.ports import Database, Dialect

KEPT_SECONDS = 86_400.0
KEYS_AT_ONCE = 1000
PIECE = {"postgresql": 256, "sqlite": 5000}
"""How much of the table of reservations is gone through in one transaction: pages, or rows."""

# A key that is given to a new attempt meanwhile is touched, and stays. What somebody has locked is
# left for the next time: charges lock in other orders, and would wait in a circle with this.
_KEYS = Statement("""
WITH old AS (
    SELECT k.agent, k.key FROM idempotency_keys AS k
    WHERE k.touched_at < {now} - $2 AND NOT EXISTS (
        SELECT 1 FROM reservations AS r
        WHERE r.id = k.attempt AND COALESCE(r.ended_at, {now}) >= {now} - $2
    )
    ORDER BY k.touched_at LIMIT $3 {skip_locked}
)
DELETE FROM idempotency_keys
WHERE touched_at < {now} - $2 AND (agent, key) IN (SELECT agent, key FROM old)
""")
# Gone through by place: an index by time would cost every charge more than this.
_SPAN: dict[Dialect, str] = {
    "postgresql": """SELECT CAST(0 AS BIGINT) AS first, pg_relation_size('reservations')
        / CAST(current_setting('block_size') AS INT) AS last""",
    "sqlite": """SELECT COALESCE(min(rowid), 0) AS first, COALESCE(max(rowid), -1) AS last
        FROM reservations""",
}
_RESERVATIONS: dict[Dialect, str] = {
    "postgresql": Statement("""
        DELETE FROM reservations WHERE ctid = ANY(ARRAY(
            SELECT ctid FROM reservations
            WHERE ctid >= CAST('(' || CAST($3 AS BIGINT) || ',0)' AS TID)
              AND ctid < CAST('(' || CAST($4 AS BIGINT) || ',0)' AS TID) AND ended_at < {now} - $2
            {skip_locked}
        ))
        """)["postgresql"],
    "sqlite": Statement("""
        DELETE FROM reservations
        WHERE rowid >= $3 AND rowid < $4 AND ended_at < {now} - $2
        """)["sqlite"],
}


async def purge(
    database: Database, seconds: float = KEPT_SECONDS, at: float | None = None
) -> tuple[int, int]:
    """Forget keys and ended reservations, in small transactions; the journal stays.

    Args:
        database: where they are.
        seconds: how long they are kept after their end.
        at: do it at this instant, in unix seconds, instead of now by the database's clock.

    Returns:
        How many keys and how many reservations were removed.

    Raises:
        Failure: the store cannot be asked; what was removed before is gone.
    """
    keys = reservations = 0
    while removed := await database.execute(_KEYS[database.dialect], at, seconds, KEYS_AT_ONCE):
        keys += removed
    (span,) = await database.fetch(_SPAN[database.dialect])
    piece = PIECE[database.dialect]
    for first in range(cast(int, span["first"]), cast(int, span["last"]) + 1, piece):
        reservations += await database.execute(
            _RESERVATIONS[database.dialect], at, seconds, first, first + piece
        )
    return keys, reservations
