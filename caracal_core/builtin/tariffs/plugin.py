"""The price book as a part of the house."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from caracal_core.builtin.tariffs.book import PriceBook
from caracal_core.builtin.tariffs.config import TariffsConfig
from caracal_core.builtin.tariffs.quoting import BookTariff
from caracal_core.errors import Failure
from caracal_core.plugin import Plugin, Services, hookimpl
from caracal_core.ports import Tariff
from caracal_core.storage.errors import telling

REFRESH_SECONDS = 2.0
"""How old a price may be that another process has changed in the database."""

END_SECONDS = 5.0
"""How long following the database may take to end."""


class TariffsPlugin(Plugin[TariffsConfig]):
    """Prices from the configuration and the database."""

    Config = TariffsConfig
    at_root = True
    name = "tariffs"

    def __init__(self, config: TariffsConfig) -> None:
        super().__init__(config)
        self._book: PriceBook | None = None

    @hookimpl
    def tariff(self, services: Services) -> Tariff | None:
        return BookTariff(self._prices(services), self.config.tariffs)

    @hookimpl
    def lifespan(self, services: Services) -> AbstractAsyncContextManager[None]:
        return _followed(self._prices(services), services)

    def _prices(self, services: Services) -> PriceBook:
        """Return the one book of this assembly."""
        if self._book is None:
            self._book = PriceBook(self.config.tariffs, services.log)
        return self._book


@asynccontextmanager
async def _followed(book: PriceBook, services: Services) -> AsyncIterator[None]:
    """Know the prices before the first request where the database can be asked, and follow them.

    Raises:
        Misconfigured: a price in the database is in another currency than the configuration's.
    """
    known = await _refresh(book, services, known=True)
    book.check()
    following = asyncio.create_task(_follow(book, services, known=known), name="prices")
    try:
        yield
    finally:
        following.cancel()
        await asyncio.wait([following], timeout=END_SECONDS)


async def _follow(book: PriceBook, services: Services, *, known: bool) -> None:
    while True:
        await asyncio.sleep(REFRESH_SECONDS)
        known = await _refresh(book, services, known=known)


async def _refresh(book: PriceBook, services: Services, *, known: bool) -> bool:
    """Look once; return whether it worked, and say so where that changed."""
    try:
        await book.refresh(services.database)
    except Failure as failure:
        if known:
            said = "prices in the database cannot be looked at now: %s"
            services.log.log(telling(failure), said, failure)
        return False
    except Exception as error:  # noqa: BLE001 - whatever it is, the following goes on
        services.log.error("looking at prices raised %s", type(error).__name__)  # noqa: TRY400 - no message
        return False
    if not known:
        services.log.info("prices in the database can be looked at again")
    return True
