"""Sightings, and the sweeping of what is known of credentials and has ended."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from caracal_core.builtin.repeated import repeated
from caracal_core.builtin.sightings.book import SightingsBook
from caracal_core.builtin.sightings.config import SightingsConfig
from caracal_core.errors import Failure
from caracal_core.plugin import Plugin, Services, hookimpl
from caracal_core.ports import Observer
from caracal_core.storage import revocations, sightings

WRITE_SECONDS = 5.0
SWEEP_SECONDS = 60.0
LAST_SECONDS = 4.0
"""How long the last writing may take, after the one before was ended; leaving a lifespan has 10
seconds."""


class SightingsPlugin(Plugin[SightingsConfig]):
    """Remembers by which kinds of credentials each agent was let in on each day."""

    Config = SightingsConfig
    name = "sightings"
    at_root = True

    def __init__(self, config: SightingsConfig) -> None:
        super().__init__(config)
        self._made: SightingsBook | None = None

    @hookimpl
    def observers(self, services: Services) -> Sequence[Observer]:
        return [self._book(services)]

    @hookimpl
    def lifespan(self, services: Services) -> AbstractAsyncContextManager[None]:
        return _open(self._book(services), self.config.sightings.keep_days, services)

    def _book(self, services: Services) -> SightingsBook:
        """Return the one book behind both hooks, made for whichever is called first."""
        if self._made is None:
            lost = services.metrics.counter("lost", "Exchanges that were not counted as seen.")
            self._made = SightingsBook(services.database, lost)
        return self._made


@asynccontextmanager
async def _open(book: SightingsBook, keep_days: int, services: Services) -> AsyncIterator[None]:
    async def sweep() -> None:
        await revocations.sweep(services.database)
        await sightings.sweep(services.database, keep_days)

    writing = repeated("writing sightings", book.write, WRITE_SECONDS, services.log)
    sweeping = repeated("sweeping revocations and sightings", sweep, SWEEP_SECONDS, services.log)
    try:
        async with writing, sweeping:
            yield
    finally:
        await _write_last(book, services)


async def _write_last(book: SightingsBook, services: Services) -> None:
    try:
        async with asyncio.timeout(LAST_SECONDS):
            await book.write()
    except (Failure, TimeoutError) as error:
        services.log.warning("the last sightings are lost: %s", error or "no answer in time")
