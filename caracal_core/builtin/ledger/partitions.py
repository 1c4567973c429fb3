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
_STRAYS = "SELECT EXISTS (SELECT FROM entries_default) AS found"


async def make_ahead(database: Database, months: int, at: float | None = None) -> Sequence[str]:
    """Make the missing partitions of this month and so many next ones; return their names.

    Entries of these months that the default partition has caught move over. Several may do this
    at once. On SQLite there is nothing to make.

    Args:
        database: where the journal is.
        months: how many months ahead.
        at: do it at this instant, in unix seconds, instead of now by the database's clock.

    Raises:
        Failure: they cannot be made: the role does not own the table, or it was busy for 2 s.
    """
    if database.dialect == "sqlite":
        return []
    missing = await database.fetch(_MISSING, at, months)
    for row in missing:  # each in a transaction of its own, so that nobody waits for all
        await database.fetch("SELECT entries_add_month($1)", row["starts"])
    return [cast(str, row["name"]) for row in missing]


async def has_strays(database: Database) -> bool:
    """Return whether the default partition has caught entries for lack of their month's."""
    if database.dialect == "sqlite":
        return False
    (row,) = await database.fetch(_STRAYS)
    return cast(bool, row["found"])
