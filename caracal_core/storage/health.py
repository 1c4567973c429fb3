"""Whether the store can be worked with."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from caracal_core.errors import Failure
from caracal_core.ports import Database, Migrations
from caracal_core.storage.history import behind


class StoreHealth:
    """Implements `HealthCheck`: the store answers, and its schema is this version's.

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
        return None
