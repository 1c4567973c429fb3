"""Brings the schema up, or one step down. Imported only where that is asked for: it is heavy."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from aerich import Command
from aerich.migrate import Migrate
from tortoise.context import TortoiseContext

from caracal_core.errors import Failure
from caracal_core.ports import Migrations
from caracal_core.storage.config import StorageConfig
from caracal_core.storage.data_dir import database_file
from caracal_core.storage.database import open_database
from caracal_core.storage.errors import PART
from caracal_core.storage.history import prepare
from caracal_core.storage.migration_lock import migration_lock
from caracal_core.storage.migrations import CORE
from caracal_core.storage.postgresql import address
from caracal_core.storage.script import refused_for


async def init(config: StorageConfig) -> None:
    """Check that the database can be reached and changed, and make the table of histories.

    Raises:
        Failure: it cannot.
        Misconfigured: the data directory cannot be used.
    """
    async with migration_lock(config), open_database(config) as database:
        await prepare(database)


async def up(config: StorageConfig, plugins: Sequence[Migrations] = ()) -> Sequence[str]:
    """Apply every pending step, the core's first, and return their names.

    Any number of processes may do this at once; one works, the others wait and find nothing
    left. Each step is done whole or not at all.

    Args:
        config: which database.
        plugins: the enabled plugins' migrations, in the enabled order.

    Raises:
        Failure: a step failed; those before it stay applied.
    """
    done: list[str] = []
    async with _runner(config, (CORE, *plugins)) as tortoise:
        for migrations in (CORE, *plugins):
            command = _command(tortoise, migrations)
            done += await _steps(migrations, command.upgrade())
    return done


async def down(config: StorageConfig, migrations: Migrations = CORE) -> str | None:
    """Undo the last applied step of one history and return its name, or None without one.

    The core's own steps are refused where rows would be lost.

    Raises:
        Failure: the step cannot be undone, such as for tables that refer to it; nothing changed.
    """
    apps = (CORE,) if migrations.app == CORE.app else (CORE, migrations)
    async with _runner(config, apps) as tortoise:
        if not await Command.get_applied_migrations(migrations.app):
            return None
        command = _command(tortoise, migrations)
        (step,) = await _steps(migrations, command.downgrade(version=-1, delete=False))
    return step


@asynccontextmanager
async def _runner(
    config: StorageConfig, apps: Sequence[Migrations]
) -> AsyncIterator[dict[str, Any]]:
    """Hold the lock, and one Tortoise for all apps; give its configuration."""
    async with migration_lock(config):
        async with open_database(config) as database:
            await prepare(database)
        tortoise = _tortoise(config, apps)
        async with TortoiseContext() as context:
            await context.init(config=tortoise)
            yield tortoise


def _command(tortoise: dict[str, Any], migrations: Migrations) -> Command:
    command = Command(tortoise, app=migrations.app)
    Migrate.migrate_location = Path(migrations.directory)
    return command


async def _steps(migrations: Migrations, work: Awaitable[Sequence[str]]) -> Sequence[str]:
    """Await the runner and return the names of the steps that it did."""
    try:
        return [f"{migrations.app}/{file.removesuffix('.py')}" for file in await work]
    except Exception as error:  # a step may be a plugin's, and may raise anything
        why = refused_for(error)
        said = f"is refused: {why}" if why else f"failed: {error}"
        raise Failure(PART, f"a step of {migrations.app} {said}") from error


def _tortoise(config: StorageConfig, apps: Sequence[Migrations]) -> dict[str, Any]:
    models = {each.app: [each.models] for each in apps}
    models[CORE.app].append("aerich.models")
    # Tortoise remembers statements by the connection's name, so each dialect has its own.
    name = "sqlite" if config.embedded else "postgresql"
    return {
        "connections": {name: _connection(config)},
        "apps": {
            app: {"models": modules, "default_connection": name} for app, modules in models.items()
        },
    }


def _connection(config: StorageConfig) -> dict[str, Any]:
    if config.embedded:
        credentials: dict[str, Any] = {
            "file_path": str(database_file(config.data_dir)),
            "busy_timeout": int(config.pool_timeout * 1000),
            "synchronous": "FULL",
        }
        return {"engine": "tortoise.backends.sqlite", "credentials": credentials}
    credentials = {**address(config), "minsize": 1, "maxsize": 1}
    return {"engine": "tortoise.backends.asyncpg", "credentials": credentials}
