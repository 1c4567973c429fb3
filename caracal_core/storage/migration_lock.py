"""One process migrates at a time; the others wait until it is done."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg  # type: ignore[import-untyped]  # it ships no types

from caracal_core.errors import Failure
from caracal_core.storage.config import StorageConfig
from caracal_core.storage.data_dir import file_lock
from caracal_core.storage.errors import PART
from caracal_core.storage.postgresql import connect

WAIT_SECONDS = 300.0
POLL_SECONDS = 0.05
KEY = 0x6361_7261_6361_6C00
"""The advisory lock's number: the bytes of ``caracal``, which nobody else takes by chance."""
FILE = "migrating.lock"


@asynccontextmanager
async def migration_lock(
    config: StorageConfig, wait_seconds: float = WAIT_SECONDS
) -> AsyncIterator[None]:
    """Hold the right to migrate this database.

    Raises:
        Failure: the database cannot be reached, or another process kept the right for longer
            than ``wait_seconds``.
    """
    hold = _file(config.data_dir, wait_seconds) if config.embedded else _row(config, wait_seconds)
    async with hold:
        yield


@asynccontextmanager
async def _row(config: StorageConfig, wait_seconds: float) -> AsyncIterator[None]:
    async with connect(config) as connection:
        await connection.execute(f"SET lock_timeout = {wait_seconds * 1000:.0f}")
        try:
            await connection.execute("SELECT pg_advisory_lock($1)", KEY, timeout=wait_seconds + 5)
        except (asyncpg.LockNotAvailableError, TimeoutError):
            raise _late(wait_seconds) from None
        yield


@asynccontextmanager
async def _file(data_dir: Path, wait_seconds: float) -> AsyncIterator[None]:
    with file_lock(data_dir / FILE) as take:
        try:
            async with asyncio.timeout(wait_seconds):
                while not take():  # noqa: ASYNC110 - another process cannot set an event
                    await asyncio.sleep(POLL_SECONDS)
        except TimeoutError:
            raise _late(wait_seconds) from None
        yield


def _late(wait_seconds: float) -> Failure:
    return Failure(PART, f"another process has been migrating for {wait_seconds:g} s")
