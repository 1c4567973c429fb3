"""The embedded store: SQLite in WAL, one writer, a few readers."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Coroutine, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar, cast

import aiosqlite

from caracal_core.errors import Failure
from caracal_core.ports import Dialect, Row, Statements
from caracal_core.storage.config import StorageConfig
from caracal_core.storage.data_dir import database_file, sole_server
from caracal_core.storage.dialect import STATEMENTS, for_sqlite
from caracal_core.storage.errors import MIGRATE, PART, ConstraintViolated

READERS = 2
_ERRORS = (sqlite3.Error, ValueError, OverflowError)
_MISSING = ("no such table", "no such column")
_PRAGMAS = (
    "PRAGMA busy_timeout = {busy_ms:d}",
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",  # NORMAL may lose acknowledged commits with the power
    "PRAGMA foreign_keys = ON",
    "PRAGMA temp_store = MEMORY",  # the root file system is read only in the container
)

T = TypeVar("T")


@asynccontextmanager
async def open_sqlite(config: StorageConfig, *, exclusive: bool) -> AsyncIterator[SqliteDatabase]:
    """Open the embedded store, and close it when the context is left.

    Raises:
        Misconfigured: the directory cannot be used, or another process serves from it.
        Failure: the file is no database that can be used.
    """
    async with AsyncExitStack() as stack:
        if exclusive:
            stack.enter_context(sole_server(config.data_dir))
        path = database_file(config.data_dir)
        writer = await stack.enter_async_context(_connection(path, config.pool_timeout))
        readers: asyncio.LifoQueue[aiosqlite.Connection] = asyncio.LifoQueue()
        for _ in range(READERS):
            reader = await stack.enter_async_context(_connection(path, config.pool_timeout))
            await reader.execute_fetchall("PRAGMA query_only = ON")
            readers.put_nowait(reader)
        yield SqliteDatabase(writer, readers, config.pool_timeout)


@asynccontextmanager
async def _connection(path: Path, wait_seconds: float) -> AsyncIterator[aiosqlite.Connection]:
    async with aiosqlite.connect(
        path, isolation_level=None, cached_statements=STATEMENTS
    ) as connection:
        connection.row_factory = _as_dict  # type: ignore[assignment]  # any callable will do
        for pragma in _PRAGMAS:
            await _asked(
                connection.execute_fetchall(pragma.format(busy_ms=int(wait_seconds * 1000)))
            )
        yield connection


def _as_dict(cursor: sqlite3.Cursor, row: tuple[object, ...]) -> dict[str, object]:
    return {column[0]: value for column, value in zip(cursor.description, row, strict=True)}


class SqliteDatabase:
    """Implements `Database`: writers take turns, readers run beside them."""

    dialect: Dialect = "sqlite"

    def __init__(
        self,
        writer: aiosqlite.Connection,
        readers: asyncio.LifoQueue[aiosqlite.Connection],
        wait_seconds: float,
    ) -> None:
        self._writer = writer
        self._turn = asyncio.Lock()
        self._readers = readers
        self._wait_seconds = wait_seconds

    async def fetch(self, sql: str, *arguments: object) -> Sequence[Row]:
        using = self._reading() if for_sqlite(sql).reads else self._writing()
        async with using as connection:
            return await _Statements(connection).fetch(sql, *arguments)

    async def execute(self, sql: str, *arguments: object) -> int:
        async with self._writing() as connection:
            return await _Statements(connection).execute(sql, *arguments)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Statements]:
        async with self._writing() as connection:
            statements = _Statements(connection)
            try:
                await _asked(connection.execute_fetchall("BEGIN IMMEDIATE"))
                yield statements
                await _asked(connection.commit())
            except BaseException:
                # What was cancelled is still carried out by the connection's thread, in order.
                await _asked(connection.rollback())
                raise
            finally:
                statements.ended = True

    @asynccontextmanager
    async def _writing(self) -> AsyncIterator[aiosqlite.Connection]:
        await self._granted(self._turn.acquire())
        try:
            await _asked(_end_what_is_open(self._writer))
            yield self._writer
        finally:
            self._turn.release()

    @asynccontextmanager
    async def _reading(self) -> AsyncIterator[aiosqlite.Connection]:
        reader = await self._granted(self._readers.get())
        try:
            yield reader
        finally:
            self._readers.put_nowait(reader)

    async def _granted(self, turn: Coroutine[Any, Any, T]) -> T:
        try:
            async with asyncio.timeout(self._wait_seconds):
                return await turn
        except TimeoutError:
            raise Failure(PART, f"no connection in {self._wait_seconds:g} s") from None


class _Statements:
    """Runs statements on one connection."""

    def __init__(self, connection: aiosqlite.Connection) -> None:
        self._connection = connection
        self.ended = False

    async def fetch(self, sql: str, *arguments: object) -> Sequence[Row]:
        self._check()
        rows = await _asked(self._connection.execute_fetchall(for_sqlite(sql).sql, arguments))
        return cast(list[Row], rows)  # made by the row factory

    async def execute(self, sql: str, *arguments: object) -> int:
        self._check()
        return await _asked(self._touched(for_sqlite(sql).sql, arguments))

    async def _touched(self, sql: str, arguments: Sequence[object]) -> int:
        # Counted so, it is one trip to the connection's thread; a cursor's count takes two.
        before = self._connection.total_changes
        await self._connection.execute_fetchall(sql, arguments)
        return self._connection.total_changes - before

    def _check(self) -> None:
        if self.ended:
            raise Failure(PART, "the transaction of this statement has ended")


async def _end_what_is_open(connection: aiosqlite.Connection) -> None:
    """Roll back a transaction whose own rollback failed, as it may with a full disk."""
    if connection.in_transaction:
        await connection.rollback()


async def _asked(work: Awaitable[T]) -> T:
    """Await work of the driver and say its errors in the house's words."""
    try:
        return await work
    except sqlite3.IntegrityError as error:
        raise ConstraintViolated(str(error).rpartition("failed: ")[2]) from error
    except _ERRORS as error:
        mend = f". {MIGRATE}" if str(error).startswith(_MISSING) else ""
        raise Failure(PART, f"SQLite: {error}{mend}") from error
