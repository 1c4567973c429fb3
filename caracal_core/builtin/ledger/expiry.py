"""Holds are renewed by the process that owns them, and resolved where nobody renews them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, cast

import msgspec
from msgspec import Struct

from caracal_core.builtin.ledger.collisions import again
from caracal_core.builtin.ledger.journal import enter
from caracal_core.builtin.ledger.statement import Statement, array
from caracal_core.builtin.ledger.windows import lock_free
from caracal_core.domain import Cause, Money
from caracal_core.ports import Database, Dialect, Row, Statements
from caracal_core.storage.errors import Locked

# Holds that have most of their time left stay as they are: most calls are short. Those in somebody
# else's hands are left for the next time, or all the others would wait for them, and expire.
_RENEW = Statement("""
WITH mine AS (
    SELECT id FROM reservations
    WHERE owner = $2 AND state = 'pending'
      AND expires_at < {now} + $3 * 0.7 AND expires_at < created_at + $4 {skip_locked}
)
UPDATE reservations SET expires_at = {least}({now} + $3, created_at + $4)
WHERE id IN (SELECT id FROM mine)
""")
# Who asks is alive: its own holds are no orphans, however long the store was away.
_HAS_EXPIRED = """
state = 'pending' AND expires_at <= {now} AND (owner <> $3 OR expires_at >= created_at + $4)
"""
_FIRST = "ORDER BY expires_at LIMIT $2 {skip_locked}"
_EXPIRED = Statement(f"SELECT id FROM reservations WHERE {_HAS_EXPIRED} {_FIRST}")  # noqa: S608 - constants
_AVOIDING = Statement(f"""
SELECT id, windows FROM reservations
WHERE {_HAS_EXPIRED} AND NOT windows && CAST($5 AS BIGINT[]) {_FIRST}
""")["postgresql"]  # noqa: S608 - constants
_RESOLVE = Statement("""
UPDATE reservations SET
    state = CASE orphan WHEN 'post' THEN 'posted' ELSE 'voided' END,
    posted_micro = CASE orphan WHEN 'post' THEN amount_micro ELSE 0 END,
    basis = CASE orphan WHEN 'post' THEN 'held' ELSE '' END,
    cause = CASE WHEN expires_at >= created_at + $3 THEN 'expired' ELSE 'orphan' END,
    ended_at = {now}
WHERE id {among:$2 TEXT}
RETURNING id, state, cause, windows, currency, amount_micro
""")
_NOW = Statement("SELECT {now} AS now")


class Resolved(Struct, frozen=True):
    """A hold that ended because nobody renewed it.

    Attributes:
        id: the charge's id.
        state: ``posted`` or ``voided``, by the charge's own rule.
        cause: ``expired`` where it was as old as a hold may become, else ``orphan``.
        held: what was held, and posted if it was.
    """

    id: str
    state: Literal["posted", "voided"]
    cause: Cause
    held: Money


async def now(database: Database) -> float:
    """Return the database's clock: unix seconds."""
    (row,) = await database.fetch(_NOW[database.dialect], None)
    return cast(float, row["now"])


async def renew(
    database: Database, owner: str, seconds: float, longest: float, at: float | None = None
) -> int:
    """Renew the owner's open holds that near their expiry, all in one statement.

    One that another session keeps locked is left out; nobody is waited for.

    Args:
        database: where the books are.
        owner: whose holds.
        seconds: how long they shall last from now.
        longest: how old a hold may become, in seconds.
        at: do it at this instant, in unix seconds, instead of now by the database's clock.

    Returns:
        How many were renewed.
    """
    return await database.execute(_RENEW[database.dialect], at, owner, seconds, longest)


async def resolve(
    database: Database, owner: str, most: int, longest: float, at: float | None = None
) -> list[Resolved]:
    """End expired holds by the rule that each charge gave, at most so many in one transaction.

    Several may do this at once: no hold is resolved twice, nobody waits for another. Holds of which
    somebody else keeps a window locked are left for later.

    Args:
        database: where the books are.
        owner: who asks; its own holds end here only where they are as old as they may become.
        most: how many at most.
        longest: how old a hold may become, in seconds.
        at: do it at this instant, in unix seconds, instead of now by the database's clock.
    """
    arguments = (at, most, owner, longest)

    async def end(tx: Statements) -> Sequence[Row]:
        expired = await tx.fetch(_EXPIRED[database.dialect], *arguments)
        return await _end(
            tx, database.dialect, [cast(str, row["id"]) for row in expired], at, longest
        )

    async def end_free(tx: Statements) -> Sequence[Row]:
        ids = await _expired_free(tx, *arguments)
        return await _end(tx, database.dialect, ids, at, longest)

    try:
        rows = await again(lambda: database.transact(end))
    except Locked:
        rows = await again(lambda: database.transact(end_free))
    return [_resolved(row) for row in rows]


async def _expired_free(
    tx: Statements, at: float | None, most: int, owner: str, longest: float
) -> Sequence[str]:
    """Return expired holds of which nobody keeps a window locked; both are locked from now on."""
    avoided: set[int] = set()
    while True:
        expired = await tx.fetch(_AVOIDING, at, most, owner, longest, list(avoided))
        windows = {window for row in expired for window in cast(list[int], row["windows"])}
        locked = windows - await lock_free(tx, windows)
        if not locked:
            return [cast(str, row["id"]) for row in expired]
        avoided |= locked


async def _end(
    tx: Statements, dialect: Dialect, ids: Sequence[str], at: float | None, longest: float
) -> Sequence[Row]:
    """End these holds by their charges' rules, and enter it."""
    if not ids:
        return []
    rows = await tx.fetch(_RESOLVE[dialect], at, array(ids), longest)
    await enter(tx, dialect, rows)
    return rows


def _resolved(row: Row) -> Resolved:
    held = Money(cast(int, row["amount_micro"]), cast(str, row["currency"]))
    return msgspec.convert({**row, "held": held}, Resolved)
