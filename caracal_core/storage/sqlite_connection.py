"""One connection to the embedded store, used by one thread at a time."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from pathlib import Path

from caracal_core.errors import Failure
from caracal_core.ports import Row
from caracal_core.storage.dialect import STATEMENTS, control, for_sqlite
from caracal_core.storage.errors import PART, ConstraintViolated, Rejected, SchemaBehind, refused

ERRORS = (sqlite3.Error, ValueError, OverflowError)
"""What the driver raises."""

_MISSING = ("no such table", "no such column")
_PRAGMAS = (
    "PRAGMA busy_timeout = {busy_ms:d}",
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",  # NORMAL may lose acknowledged commits with the power
    "PRAGMA foreign_keys = ON",
    "PRAGMA temp_store = MEMORY",  # the root file system is read only in the container
)


def connect(path: Path, wait_seconds: float, *, reads_only: bool = False) -> sqlite3.Connection:
    """Open the file; another thread than the caller's may use what is returned.

    Args:
        path: the database's file.
        wait_seconds: how long to wait for another process's transaction.
        reads_only: refuse every statement that writes.

    Raises:
        Failure: the file is no database that can be used.
    """
    connection: sqlite3.Connection | None = None
    try:
        connection = sqlite3.connect(
            path, isolation_level=None, cached_statements=STATEMENTS, check_same_thread=False
        )
        for pragma in _PRAGMAS:
            connection.execute(pragma.format(busy_ms=int(wait_seconds * 1000)))
        connection.execute(f"PRAGMA query_only = {reads_only:d}")
    except ERRORS as error:
        if connection is not None:
            connection.close()
        raise failure(error) from error
    return connection


class SqliteStatements:
    """Implements `Statements` where it is called: each verb is done before it first waits.

    Args:
        connection: nobody else uses it meanwhile.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._ended = False

    async def fetch(self, sql: str, *arguments: object) -> Sequence[Row]:
        return self.rows(sql, arguments)

    async def execute(self, sql: str, *arguments: object) -> int:
        before = self._connection.total_changes
        self._run(sql, arguments)
        return self._connection.total_changes - before

    def rows(self, sql: str, arguments: Sequence[object]) -> Sequence[Row]:
        """Run one statement and return its rows."""
        names, rows = self._run(sql, arguments)
        return [dict(zip(names, row, strict=True)) for row in rows]

    def end(self) -> None:
        """Take no more statements: they would be done outside the transaction they belong to."""
        self._ended = True

    def _run(
        self, sql: str, arguments: Sequence[object]
    ) -> tuple[Sequence[str], Sequence[Sequence[object]]]:
        if self._ended:
            raise Failure(PART, "the transaction of this statement has ended")
        if word := control(sql):
            raise refused(word)
        within = self._connection.in_transaction
        try:
            statement = for_sqlite(sql)
            cursor = self._connection.execute(statement.sql, statement.bind(arguments))
            rows = cursor.fetchall()
        except ERRORS as error:
            # A full disk rolls back everything, and what came next would be committed by itself.
            self._ended = within and not self._connection.in_transaction
            raise failure(error) from error
        return [column[0] for column in cursor.description or ()], rows


def failure(error: Exception) -> Failure:
    """Say an error of the driver in the house's words."""
    if isinstance(error, sqlite3.IntegrityError):
        return ConstraintViolated(str(error).rpartition("failed: ")[2])
    if isinstance(error, sqlite3.DataError | ValueError | OverflowError):
        return Rejected(PART, f"SQLite: {error}")
    said = f"SQLite: {error}"
    return SchemaBehind(said) if str(error).startswith(_MISSING) else Failure(PART, said)
