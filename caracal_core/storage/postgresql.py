"""The production store: PostgreSQL through a pool of connections."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from types import MappingProxyType
from typing import Any, TypeVar

import asyncpg  # type: ignore[import-untyped]  # it ships no types

from caracal_core.errors import Failure
from caracal_core.ports import Dialect, Row, Transaction
from caracal_core.storage.config import StorageConfig
from caracal_core.storage.connections import Connections
from caracal_core.storage.dialect import control
from caracal_core.storage.errors import (
    PART,
    Collided,
    ConstraintViolated,
    Locked,
    OutcomeUnknown,
    Rejected,
    SchemaBehind,
    refused,
)

log = logging.getLogger(__name__)

T = TypeVar("T")

CLOSE_SECONDS = 5.0
IDLE_MILLISECONDS = "60000"
"""How long a transaction lasts whose gateway vanished; TCP alone would take hours to notice."""

IDLE_SERVING_MILLISECONDS = "5000"
"""The same for a gateway, which is frozen or gone then: its transactions have nothing to wait for
but their own statements, and what they have locked others wait for."""
LOCK_MILLISECONDS = "1000"
"""How long a gateway waits for another's lock. Its own are kept for milliseconds."""

_ERRORS = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError)
_MISSING = (
    asyncpg.UndefinedTableError,
    asyncpg.UndefinedColumnError,
    asyncpg.UndefinedFunctionError,
)
_COLLISIONS = (asyncpg.SerializationError, asyncpg.DeadlockDetectedError)
_LOST = ("08", "57P")
"""SQLSTATE classes of a connection that is gone: connection exceptions, server shutdowns."""


class _Connection(asyncpg.Connection):  # type: ignore[misc]  # as above
    """A connection that needs no clean-up between two users: nothing here sets session state."""

    def get_reset_query(self) -> str:
        """Return nothing to run, which saves a round trip each time one is given back."""
        return ""


_SETTINGS: Mapping[str, str] = MappingProxyType(
    {
        "application_name": "caracal",
        "jit": "off",  # compiling a short statement takes longer than running it
        "idle_in_transaction_session_timeout": IDLE_MILLISECONDS,
    }
)
# Plans made while tables are small scan them, and are kept while they grow: at 10,000 accounts
# a charge took three times as long. Every statement that serves finds its rows by an index.
_SERVING: Mapping[str, str] = MappingProxyType(
    {
        "lock_timeout": LOCK_MILLISECONDS,
        "idle_in_transaction_session_timeout": IDLE_SERVING_MILLISECONDS,
        "plan_cache_mode": "force_generic_plan",
        "enable_seqscan": "off",
        "enable_hashjoin": "off",
        "enable_mergejoin": "off",
    }
)


@asynccontextmanager
async def open_postgresql(
    config: StorageConfig, *, warm: bool
) -> AsyncIterator[PostgresqlDatabase]:
    """Open a pool, and close it when the context is left.

    A server that cannot be reached does not prevent it: each verb then fails until it can.

    Args:
        config: where the server is.
        warm: open DB_POOL_SIZE connections at once, keep as many, and plan for serving.
    """
    settings = {**_SETTINGS, **(_SERVING if warm else {})}
    pool = await _open_pool(config, config.pool_size if warm else 0, settings)
    connections = Connections(pool)
    try:
        yield PostgresqlDatabase(connections, config.pool_timeout)
    finally:
        await _close(connections)


async def _open_pool(
    config: StorageConfig, least: int, settings: Mapping[str, str]
) -> asyncpg.Pool[Any]:
    try:
        return await asyncpg.create_pool(
            **address(config),
            min_size=least,
            max_size=config.pool_size + config.max_overflow,
            timeout=config.pool_timeout,
            command_timeout=config.pool_timeout,
            connection_class=_Connection,
            server_settings=dict(settings),
        )
    except _ERRORS as error:
        if not least:
            raise
        log.warning("The database cannot be reached yet: %s", _failure(error).internal)
        return await _open_pool(config, 0, settings)


async def _close(connections: Connections) -> None:
    """Close all connections, even those that somebody does not give back."""
    try:
        async with asyncio.timeout(CLOSE_SECONDS):
            await connections.close()
    except _ERRORS as error:
        connections.terminate()
        log.warning("The database's connections were cut off: %s", _failure(error).internal)


@asynccontextmanager
async def connect(config: StorageConfig) -> AsyncIterator[Any]:
    """Give one connection of asyncpg's own, outside any pool, and close it afterwards.

    Raises:
        Failure: the server cannot be reached.
    """
    try:
        connection = await asyncpg.connect(**address(config), timeout=config.pool_timeout)
    except _ERRORS as error:
        raise _failure(error) from error
    try:
        yield connection
    finally:
        await connection.close(timeout=config.pool_timeout)


def address(config: StorageConfig) -> Mapping[str, Any]:
    """Return where the server is and who asks, as asyncpg's and Tortoise's arguments."""
    return {
        "host": config.host,
        "port": config.port,
        "database": config.name,
        "user": config.user,
        "password": config.password.get_secret_value() or None,
    }


class PostgresqlDatabase:
    """Implements `Database` on a pool's connections."""

    dialect: Dialect = "postgresql"

    def __init__(self, connections: Connections, wait_seconds: float) -> None:
        self._connections = connections
        self._wait_seconds = wait_seconds

    async def fetch(self, sql: str, *arguments: object) -> Sequence[Row]:
        async with self._connection() as connection:
            return await _Statements(connection, commits=True).fetch(sql, *arguments)

    async def execute(self, sql: str, *arguments: object) -> int:
        async with self._connection() as connection:
            return await _Statements(connection, commits=True).execute(sql, *arguments)

    async def transact(self, work: Transaction[T]) -> T:
        async with self._connection(lent=True) as connection:
            transaction = connection.transaction()
            try:
                await transaction.start()
            except _ERRORS as error:
                raise _failure(error) from error
            try:
                result = await work(_Statements(connection, commits=False))
            except BaseException:
                # Where it cannot be said, the server rolls back by itself.
                with suppress(*_ERRORS):
                    await transaction.rollback()
                raise
            try:
                await transaction.commit()
            except _ERRORS as error:
                raise _failure(error, committing=True) from error
            return result

    @asynccontextmanager
    async def _connection(self, *, lent: bool = False) -> AsyncIterator[Any]:
        """Give a connection; one that is lent may be asked too late, which the pool forestalls."""
        try:
            connection = await self._connections.take(self._wait_seconds)
        except TimeoutError:
            raise Failure(PART, f"no connection in {self._wait_seconds:g} s") from None
        except _ERRORS as error:
            raise _failure(error) from error
        sound = False
        try:
            yield connection
            sound = not lent
        finally:
            await self._connections.give_back(connection, sound=sound)


class _Statements:
    """Runs statements on one connection.

    Args:
        connection: the connection.
        commits: whether each statement is its own transaction.
    """

    def __init__(self, connection: Any, *, commits: bool) -> None:
        self._connection = connection
        self._commits = commits

    async def fetch(self, sql: str, *arguments: object) -> Sequence[Row]:
        if word := control(sql):
            raise refused(word)
        try:
            return [dict(row) for row in await self._connection.fetch(sql, *arguments)]
        except _ERRORS as error:
            raise _failure(error, committing=self._commits) from error

    async def execute(self, sql: str, *arguments: object) -> int:
        if word := control(sql):
            raise refused(word)
        try:
            status: str = await self._connection.execute(sql, *arguments)
        except _ERRORS as error:
            raise _failure(error, committing=self._commits) from error
        touched = status.rpartition(" ")[2]
        return int(touched) if touched.isdigit() else 0


def _failure(error: Exception, *, committing: bool = False) -> Failure:
    """Say an error of the driver in the house's words.

    Args:
        error: what the driver raised.
        committing: whether a commit may have been on its way when it did.
    """
    if isinstance(error, asyncpg.IntegrityConstraintViolationError):
        return ConstraintViolated(error.constraint_name or str(error))
    said = f"PostgreSQL: {type(error).__name__}: {error}"
    if isinstance(error, _COLLISIONS):
        return Collided(PART, said)
    if isinstance(error, asyncpg.LockNotAvailableError):
        return Locked(PART, said)
    # The driver's own DataError, of values that it cannot send, is a ValueError.
    if isinstance(error, asyncpg.DataError | ValueError):
        return Rejected(PART, said)
    if committing and _is_lost(error):
        return OutcomeUnknown(PART, f"{said}; whether it was committed is unknown")
    return SchemaBehind(said) if isinstance(error, _MISSING) else Failure(PART, said)


def _is_lost(error: Exception) -> bool:
    if isinstance(error, asyncpg.PostgresError):
        return (error.sqlstate or "").startswith(_LOST)
    return not isinstance(error, asyncpg.InterfaceError)  # that one is raised before sending
