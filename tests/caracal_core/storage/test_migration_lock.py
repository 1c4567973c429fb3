"""One holds the right to migrate, the others wait for a bounded time."""

import asyncio
import json
import sys

import pytest

from caracal_core.errors import Failure
from caracal_core.storage.config import StorageConfig
from caracal_core.storage.migration_lock import migration_lock


async def test_one_at_a_time_holds_it(blank_config):
    inside = most = 0

    async def hold():
        nonlocal inside, most
        async with migration_lock(blank_config):
            inside += 1
            most = max(most, inside)
            await asyncio.sleep(0.01)
            inside -= 1

    await asyncio.gather(*(hold() for _ in range(5)))
    assert most == 1


async def test_who_waits_too_long_fails(blank_config):
    async with migration_lock(blank_config):
        with pytest.raises(Failure, match=r"has been migrating for 0\.1 s"):
            await migration_lock(blank_config, wait_seconds=0.1).__aenter__()
    async with migration_lock(blank_config, wait_seconds=0.1):
        pass


async def test_it_is_free_again_after_an_error(blank_config):
    with pytest.raises(KeyError):
        async with migration_lock(blank_config):
            raise KeyError
    async with migration_lock(blank_config, wait_seconds=5):
        pass


async def test_a_killed_holder_does_not_keep_it(blank_config):
    program = """
import asyncio, json, sys
from caracal_core.storage.config import StorageConfig
from caracal_core.storage.migration_lock import migration_lock

async def main():
    async with migration_lock(StorageConfig(**json.loads(sys.argv[1]))):
        print("held", flush=True)
        await asyncio.sleep(600)

asyncio.run(main())
"""
    holder = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, _as_json(blank_config), stdout=asyncio.subprocess.PIPE
    )
    assert await holder.stdout.readline() == b"held\n"
    holder.kill()
    await holder.wait()
    async with migration_lock(blank_config, wait_seconds=20):
        pass


def _as_json(config):
    return json.dumps(
        config.model_dump(mode="json") | {"password": config.password.get_secret_value()}
    )


async def test_two_databases_do_not_wait_for_each_other(postgresql, tmp_path):
    with postgresql.database() as one, postgresql.database() as two:
        async with migration_lock(one), migration_lock(two, wait_seconds=0.1):
            pass
    one, two = (StorageConfig(data_dir=tmp_path / name) for name in ("one", "two"))
    async with migration_lock(one), migration_lock(two, wait_seconds=0.1):
        pass
