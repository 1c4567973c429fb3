"""Brings the embedded store up at the start of a gateway, if it is behind."""

from __future__ import annotations

from collections.abc import Sequence

from caracal_core.ports import Migrations
from caracal_core.storage.config import StorageConfig
from caracal_core.storage.database import open_database
from caracal_core.storage.history import behind


async def make_current(config: StorageConfig, plugins: Sequence[Migrations] = ()) -> Sequence[str]:
    """Apply the pending steps and return their names.

    Where there are none, what migrates stays out of the process: it is several megabytes.

    Args:
        config: which database.
        plugins: the enabled plugins' migrations, in the enabled order.

    Raises:
        Failure: the store cannot be opened, or a step failed.
        Misconfigured: the data directory cannot be used.
    """
    async with open_database(config) as database:
        if not await behind(database, plugins):
            return ()
    from caracal_core.storage.migrate import up  # noqa: PLC0415 - heavy

    return await up(config, plugins)
