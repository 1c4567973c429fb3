"""The embedded store: SQLite in WAL, one writer, a few readers."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from queue import SimpleQueue
from typing import TypeVar

from caracal_core.errors import Failure
from caracal_core.ports import Dialect, Row, Transaction
from caracal_core.storage.config import StorageConfig
from caracal_core.storage.data_dir import database_file, sole_server
from caracal_core.storage.dialect import for_sqlite
from caracal_core.storage.errors import PART
from caracal_core.storage.sqlite_connection import SqliteStatements, connect
from caracal_core.storage.sqlite_writer import Writer

READERS = 2

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
        writer = Writer(
            await asyncio.to_thread(connect, path, config.pool_timeout), config.pool_timeout
        )
        stack.push_async_callback(writer.close)
        readers = Readers(config.pool_timeout)
        stack.push_async_callback(readers.close)
        await readers.open(path)
        yield SqliteDatabase(writer, readers)


class Readers:
    """A few connections that only read, each used by one thread at a time.

    Args:
        wait_seconds: how long to wait for one.
    """

    def __init__(self, wait_seconds: float) -> None:
        self._wait_seconds = wait_seconds
        self._turns = asyncio.Semaphore(READERS)
        self._threads = ThreadPoolExecutor(READERS, thread_name_prefix="caracal-reader")
        self._connections: SimpleQueue[sqlite3.Connection] = SimpleQueue()
        self._closed = False

    async def open(self, path: Path) -> None:
        """Open the connections.

        Raises:
            Failure: the file is no database that can be used.
        """
        for _ in range(READERS):
            reader = await asyncio.to_thread(connect, path, self._wait_seconds, reads_only=True)
            self._connections.put(reader)

    async def fetch(self, sql: str, arguments: Sequence[object]) -> Sequence[Row]:
        """Run one statement that reads and return its rows.

        Raises:
            Failure: it cannot be run, or there was no turn in time.
        """
        if self._closed:
            raise Failure(PART, "the store is closed")
        try:
            async with asyncio.timeout(self._wait_seconds):
                await self._turns.acquire()
        except TimeoutError:
            raise Failure(PART, f"no connection in {self._wait_seconds:g} s") from None
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._threads, self._fetch, sql, arguments)
        finally:
            self._turns.release()

    async def close(self) -> None:
        """Wait for what is being read, and close the connections."""
        self._closed = True
        await asyncio.to_thread(self._end)

    def _fetch(self, sql: str, arguments: Sequence[object]) -> Sequence[Row]:
        connection = self._connections.get()  # there are as many as threads
        try:
            return SqliteStatements(connection).rows(sql, arguments)
        finally:
            self._connections.put(connection)

    def _end(self) -> None:
        self._threads.shutdown()
        while not self._connections.empty():
            self._connections.get().close()


class SqliteDatabase:
    """Implements `Database`: writers take turns, readers run beside them.

    A write that is cancelled, or that had no turn in time, is not done unless it had begun; then
    it is carried out, as if the answer of its commit had been lost.
    """

    dialect: Dialect = "sqlite"

    def __init__(self, writer: Writer, readers: Readers) -> None:
        self._writer = writer
        self._readers = readers

    async def fetch(self, sql: str, *arguments: object) -> Sequence[Row]:
        if for_sqlite(sql).reads:
            return await self._readers.fetch(sql, arguments)
        return await self._writer.do(lambda statements: statements.fetch(sql, *arguments))

    async def execute(self, sql: str, *arguments: object) -> int:
        return await self._writer.do(lambda statements: statements.execute(sql, *arguments))

    async def transact(self, work: Transaction[T]) -> T:
        return await self._writer.do(work)
