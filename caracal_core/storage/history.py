"""Which steps of the schema are applied; cheap enough to be asked by a readiness probe."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from msgspec import Struct

from caracal_core.errors import Failure
from caracal_core.ports import Database, Dialect, Migrations
from caracal_core.storage.errors import PART
from caracal_core.storage.migrations import CORE

_FILE = re.compile(r"([0-9]+)_\w+\.py", re.ASCII)
_COLUMNS = """
    version VARCHAR(255) NOT NULL,
    app VARCHAR(100) NOT NULL,
"""
# As Aerich's own model describes it.
_CREATE: Mapping[Dialect, str] = MappingProxyType(
    {
        "postgresql": f"""CREATE TABLE IF NOT EXISTS aerich (
            id SERIAL PRIMARY KEY, {_COLUMNS} content JSONB NOT NULL)""",
        "sqlite": f"""CREATE TABLE IF NOT EXISTS aerich (
            id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, {_COLUMNS} content JSON NOT NULL)""",
    }
)
_EXISTS: Mapping[Dialect, str] = MappingProxyType(
    {
        "postgresql": "SELECT 1 AS one WHERE to_regclass('aerich') IS NOT NULL",
        "sqlite": "SELECT 1 AS one FROM sqlite_master WHERE type = 'table' AND name = 'aerich'",
    }
)
_RIGHTS = """
SELECT current_user AS role, current_database() AS name, current_schema() AS schema,
       coalesce(has_schema_privilege(current_schema(), 'CREATE'), FALSE) AS allowed
"""


class Step(Struct, frozen=True):
    """One step of one history.

    Attributes:
        app: the history's name.
        name: the file's name without its ending.
        state: ``unknown`` was applied by a version that ships more than this one.
    """

    app: str
    name: str
    state: Literal["applied", "pending", "unknown"]


async def prepare(database: Database) -> None:
    """Make the table of the histories where it is missing, and prove the right to.

    Raises:
        Failure: the database cannot be reached, or the role may not make tables.
    """
    if database.dialect == "postgresql":
        (row,) = await database.fetch(_RIGHTS)
        if not row["allowed"]:
            raise Failure(
                PART,
                f"the role {row['role']} may not make tables in schema {row['schema']} of "
                f"database {row['name']}: GRANT CREATE ON SCHEMA ... TO {row['role']}",
            )
    await database.execute(_CREATE[database.dialect])


async def status(database: Database, plugins: Sequence[Migrations] = ()) -> Sequence[Step]:
    """Return every step, the core's first, in the order in which they are applied.

    Args:
        database: where to look.
        plugins: the enabled plugins' migrations, in the enabled order.
    """
    applied = await _applied(database)
    return [step for each in (CORE, *plugins) for step in _steps(each, applied)]


async def behind(database: Database, plugins: Sequence[Migrations] = ()) -> Sequence[str]:
    """Return the steps that this version ships and the database lacks; empty where current.

    Args:
        database: where to look.
        plugins: the enabled plugins' migrations, in the enabled order.
    """
    steps = await status(database, plugins)
    return [f"{step.app}/{step.name}" for step in steps if step.state == "pending"]


async def _applied(database: Database) -> Sequence[tuple[str, str]]:
    if not await database.fetch(_EXISTS[database.dialect]):
        return ()
    rows = await database.fetch("SELECT app, version FROM aerich ORDER BY id")
    return [(str(row["app"]), str(row["version"]).removesuffix(".py")) for row in rows]


def _steps(migrations: Migrations, applied: Sequence[tuple[str, str]]) -> Sequence[Step]:
    app, done = migrations.app, [name for app, name in applied if app == migrations.app]
    ours = shipped(migrations.directory)
    known = [Step(app, name, "applied" if name in done else "pending") for name in ours]
    return [*known, *(Step(app, name, "unknown") for name in done if name not in ours)]


@lru_cache(maxsize=64)
def shipped(directory: str) -> Sequence[str]:
    """Return the names of the steps in a directory, without their ending, first to last."""
    found = (_FILE.fullmatch(path.name) for path in Path(directory).iterdir())
    files = sorted((int(match[1]), match[0]) for match in found if match)
    return tuple(name.removesuffix(".py") for _, name in files)
