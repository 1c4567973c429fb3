"""Chores that are done again and again while a plugin is open, whatever goes wrong with one."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from caracal_core.errors import Failure
from caracal_core.storage.errors import telling


@asynccontextmanager
async def repeated(
    name: str, chore: Callable[[], Awaitable[object]], seconds: float, log: logging.Logger
) -> AsyncIterator[None]:
    """Do a chore at once and then every so many seconds, until the context is left."""
    task = asyncio.create_task(_repeat(name, chore, seconds, log), name=name)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


async def _repeat(
    name: str, chore: Callable[[], Awaitable[object]], seconds: float, log: logging.Logger
) -> None:
    while True:
        try:
            await chore()
        except Failure as failure:
            log.log(telling(failure), "%s: not possible now: %s", name, failure)
        except Exception:
            log.exception("%s", name)
        await asyncio.sleep(seconds)
