"""Opens the store that the configuration names."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager

from caracal_core.ports import Database
from caracal_core.storage.config import StorageConfig
from caracal_core.storage.postgresql import open_postgresql
from caracal_core.storage.sqlite import open_sqlite


def open_database(
    config: StorageConfig, *, exclusive: bool = False
) -> AbstractAsyncContextManager[Database]:
    """Open the store; leaving the context closes it.

    Args:
        config: which store, and where.
        exclusive: for the process that serves. The embedded store may be served by one process
            only, beside which the command line still works; PostgreSQL's connections are opened
            at once instead of when they are needed.

    Raises:
        Misconfigured: on entering: the data directory cannot be used, or another process serves
            from it.
        Failure: on entering: the file is no SQLite database. A PostgreSQL that cannot be reached
            shows in each verb, not here, so that a gateway can start before its database.
    """
    if config.embedded:
        return open_sqlite(config, exclusive=exclusive)
    return open_postgresql(config, warm=exclusive)
