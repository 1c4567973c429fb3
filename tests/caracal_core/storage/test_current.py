"""A store that is behind is brought up; one that is current costs nothing."""

import subprocess
import sys

from caracal_core.storage.current import make_current
from caracal_core.storage.database import open_database
from caracal_core.storage.history import behind, shipped
from caracal_core.storage.migrations import CORE


async def test_a_blank_store_becomes_current_and_stays_so(blank_config):
    assert len(await make_current(blank_config)) == len(shipped(CORE.directory))
    assert await make_current(blank_config) == ()
    async with open_database(blank_config) as database:
        assert await behind(database) == []


def test_where_nothing_is_pending_the_migrations_runner_is_not_imported(sqlite_config):
    program = f"""
import asyncio, pathlib, sys
from caracal_core.storage.config import StorageConfig
from caracal_core.storage.current import make_current

config = StorageConfig(data_dir=pathlib.Path({str(sqlite_config.data_dir)!r}))
assert asyncio.run(make_current(config)) == ()
assert not {{"tortoise", "aerich"}} & set(sys.modules)
"""
    subprocess.run(  # noqa: S603 - this interpreter
        [sys.executable, "-c", program], timeout=60, check=True
    )
