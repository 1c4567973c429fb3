"""Whether the store can be worked with: asked, and written."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

from caracal_core.errors import Failure
from caracal_core.ports import Database, Dialect, Migrations
from caracal_core.storage.dialect import WRITES_NOTHING_NEW
from caracal_core.storage.history import behind

WRITE_SECONDS = 1.5
"""How long a write may take; a check that took longer than 2 seconds could not say what hangs."""

# What changes nothing and has to be written all the same. PostgreSQL refuses any such statement
# where it only reads; SQLite writes its first page anew, to the disk, as a charge would.
_WRITE: Mapping[Dialect, str] = MappingProxyType(
    {"postgresql": "DELETE FROM nonces WHERE FALSE", "sqlite": WRITES_NOTHING_NEW}
)


class StoreHealth:
    """Implements `HealthCheck`: the store answers, takes writes, and has this version's schema.

    A store may answer and take no charge all the same: its disk is full, another process holds
    its lock, or its server only reads since somebody else took over.

    Args:
        database: the store.
        plugins: gives the migrations of the plugins that are enabled now, in their order.
    """

    name = "database"

    def __init__(
        self, database: Database, plugins: Callable[[], Sequence[Migrations]] = tuple
    ) -> None:
        self._database = database
        self._plugins = plugins

    async def check(self) -> str | None:
        try:
            pending = await behind(self._database, self._plugins())
        except Failure as failure:
            return f"the database cannot be asked: {failure.internal}"
        if pending:
            return f"the schema lacks {', '.join(pending)}; run `caracal db migrate up`"
        try:
            async with asyncio.timeout(WRITE_SECONDS):
                await self._database.execute(_WRITE[self._database.dialect])
        except Failure as failure:
            return f"the database cannot be written: {failure.internal}"
        except TimeoutError:
            return f"the database took no write in {WRITE_SECONDS:g} s"
        return None
