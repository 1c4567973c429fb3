"""PostgreSQL's journal has a partition for each month, made before the month begins."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from caracal_core.builtin.ledger.statement import Statement
from caracal_core.ports import Database

_MISSING = Statement("""
SELECT CAST(extract(epoch FROM month) AS BIGINT) AS starts,
       'entries_' || to_char(month, 'YYYY_MM') AS name
FROM (
    SELECT date_trunc('month', to_timestamp({now}) AT TIME ZONE 'UTC')
           + ahead * INTERVAL '1 month' AS month
    FROM generate_series(0, CAST($2 AS INT)) AS ahead
) AS months
WHERE to_regclass('entries_' || to_char(month, 'YYYY_MM')) IS NULL
ORDER BY month
""")["postgresql"]
_MAKE = "SELECT entries_add_month($1, $2) AS made"
_STRAYS = "SELECT EXISTS (SELECT FROM entries_default) AS found"

MOVED_BESIDE_CHARGES = 10_000
"""So many entries move over in about 0.1 s, in which charges wait; a million take 7 s."""


async def make_ahead(
    database: Database, months: int, at: float | None = None, *, most: int | None = None
) -> Sequence[str]:
    """Make the missing partitions of this month and so many next ones; return their names.

    Entries of these months that the default partition has caught move over, and charges wait
    meanwhile. Several may do this at once, and each partition is named by the one that made it. On
    SQLite there is nothing to make.

    Args:
        database: where the journal is.
        months: how many months ahead.
        at: do it at this instant, in unix seconds, instead of now by the database's clock.
        most: leave a month out for which more entries would have to move; None for none.

    Raises:
        Failure: they cannot be made: the role does not own the table, or it was busy for 2 s.
    """
    if database.dialect == "sqlite":
        return []
    # Each in a transaction of its own, so that nobody waits for all; another may be faster.
    return [
        cast(str, month["name"])
        for month in await database.fetch(_MISSING, at, months)
        if await make(database, cast(int, month["starts"]), most=most)
    ]


async def make(database: Database, starts: int, *, most: int | None = None) -> bool:
    """Make PostgreSQL's partition of one month, if it is missing; return whether it was made.

    Args:
        database: where the journal is.
        starts: the month's first instant, in unix seconds.
        most: as for `make_ahead`.

    Raises:
        Failure: as `make_ahead` does.
    """
    (row,) = await database.fetch(_MAKE, starts, most)
    return cast(bool, row["made"])


async def has_strays(database: Database) -> bool:
    """Return whether the default partition has caught entries for lack of their month's."""
    if database.dialect == "sqlite":
        return False
    (row,) = await database.fetch(_STRAYS)
    return cast(bool, row["found"])
