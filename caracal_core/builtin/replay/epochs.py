"""How far the stored memory of nonces reaches back, and the sweeping of what has expired.

An epoch is one timeline of the database. PostgreSQL starts a new one when a standby is promoted
or a backup is restored, and what was committed last may then be missing: the new epoch trusts no
timestamp that could have been used before it began. What is swept is written down first: a clock
that goes back finds that it may have been forgotten, and no gateway believes a timestamp as old as
one whose nonce was removed, however wide its window is beside that of the one who claimed it.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from msgspec import convert

from caracal_core.builtin.replay.config import ReplayRules
from caracal_core.ports import Database, Dialect
from caracal_core.storage.dialect import NOW

CLOCK_TOLERANCE = 10.0
"""Seconds by which a gateway's clock may differ from the database's."""
MARGIN_SECONDS = 60.0
"""How long expired nonces stay, so that a corrected clock does no harm."""
BATCH = 1000
BATCHES_MAX = 1000

TIMELINE: Mapping[Dialect, str] = MappingProxyType(
    {
        "postgresql": "left(pg_walfile_name(pg_current_wal_insert_lsn()), 8)",
        "sqlite": "'embedded'",
    }
)
_DELETE: Mapping[Dialect, str] = MappingProxyType(
    {
        "postgresql": """
            DELETE FROM nonces WHERE ctid = ANY (ARRAY(
                SELECT ctid FROM nonces WHERE expires_at < $1 ORDER BY expires_at LIMIT $2
                FOR UPDATE SKIP LOCKED))""",
        "sqlite": """
            DELETE FROM nonces WHERE (scope, value) IN (
                SELECT scope, value FROM nonces WHERE expires_at < $1
                ORDER BY expires_at LIMIT $2)""",
    }
)


async def open_epoch(database: Database, rules: ReplayRules) -> None:
    """Begin the epoch of the database's timeline, unless it has begun.

    Nothing came before the very first one.
    """
    dialect = database.dialect
    await database.execute(
        f"""INSERT INTO replay_epochs (timeline, trusted_from, swept_until)
        SELECT {TIMELINE[dialect]},
               CASE WHEN count(*) = 0 THEN 0 ELSE {NOW[dialect]} + $1 END,
               coalesce(max(swept_until), 0)
        FROM replay_epochs WHERE true
        ON CONFLICT (timeline) DO NOTHING""",  # noqa: S608 - constants
        rules.future_skew + CLOCK_TOLERANCE,
    )


async def sweep(database: Database) -> int:
    """Remove expired nonces in small batches and return how many there were.

    From then on no request as old as the youngest of them is trusted.
    """
    dialect = database.dialect
    rows = await database.fetch(
        f"""UPDATE replay_epochs SET swept_until = {NOW[dialect]} - $1
        WHERE timeline = {TIMELINE[dialect]} AND swept_until < {NOW[dialect]} - $1
        RETURNING swept_until""",  # noqa: S608 - constants
        MARGIN_SECONDS,
    )
    if not rows:
        return 0
    swept_until = convert(rows[0]["swept_until"], float)
    return await _remove(database, swept_until) if await _distrust(database, swept_until) else 0


async def _distrust(database: Database, swept_until: float) -> bool:
    """Write down the youngest timestamp that is about to be forgotten.

    Returns:
        False where the timeline changed meanwhile, so that there was nowhere to write.
    """
    return bool(
        await database.execute(
            f"""UPDATE replay_epochs SET trusted_from = coalesce(
                (SELECT max(issued_at) FROM nonces
                 WHERE expires_at < $1 AND issued_at > replay_epochs.trusted_from),
                trusted_from)
            WHERE timeline = {TIMELINE[database.dialect]}""",  # noqa: S608 - constants
            swept_until,
        )
    )


async def _remove(database: Database, swept_until: float) -> int:
    removed = 0
    for _ in range(BATCHES_MAX):
        batch = await database.execute(_DELETE[database.dialect], swept_until, BATCH)
        removed += batch
        if batch < BATCH:
            break
    return removed
