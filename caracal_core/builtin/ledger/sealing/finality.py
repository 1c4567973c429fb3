"""Up to which id every entry is final: none can appear among them any more."""

from __future__ import annotations

from typing import cast

from msgspec import Struct

from caracal_core.ports import Database, Row

# One statement sees one snapshot: of it, and of the entries that were visible in it.
_LOOK = """
SELECT (SELECT COALESCE(max(id), 0) FROM entries) AS last_id,
       CAST(CAST(pg_snapshot_xmin(pg_current_snapshot()) AS TEXT) AS BIGINT) AS oldest,
       CAST(CAST(pg_snapshot_xmax(pg_current_snapshot()) AS TEXT) AS BIGINT) AS next
"""
_LAST = "SELECT COALESCE(max(id), 0) AS last_id FROM entries"


class _Mark(Struct, frozen=True):
    """An id, and the transaction before which all ended that may still enter an id below."""

    last_id: int
    ended: int


class Finality:
    """Finds out up to which id the journal is final.

    PostgreSQL gives out ids before their transactions commit, and these commit in any order. So
    the highest id that is visible is noted together with the next transaction to begin: whoever
    got a lower id has begun before that one. When all of those have ended, what is visible up to
    the noted id is all that there will ever be. Nothing else is waited for. It takes for granted
    that a transaction has written or locked a row before it takes an id, as the ledger's do.

    SQLite has one writer at a time: what is visible is final.

    Args:
        database: where the entries are.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._final = 0
        self._noted: _Mark | None = None

    async def look(self) -> int:
        """Return the highest id that is known to be final by now; never less than before.

        Raises:
            Failure: the database cannot be asked.
        """
        if self._database.dialect == "sqlite":
            (row,) = await self._database.fetch(_LAST)
            return cast(int, row["last_id"])
        (row,) = await self._database.fetch(_LOOK)
        self._learn(row)
        return self._final

    def _learn(self, row: Row) -> None:
        """Take what was noted for final if all have ended, and note what is visible now."""
        last_id, oldest, next_ = (cast(int, row[name]) for name in ("last_id", "oldest", "next"))
        if oldest == next_:  # nobody is under way at all
            self._final, self._noted = max(self._final, last_id), None
            return
        if self._noted and oldest >= self._noted.ended:
            self._final, self._noted = self._noted.last_id, None
        if self._noted is None and last_id > self._final:
            self._noted = _Mark(last_id, next_)
