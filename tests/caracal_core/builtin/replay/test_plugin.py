"""The plugin gives the guard that the operator chose, and tends its store while it serves."""

import asyncio
import logging
import time

import pytest

from caracal_core.builtin.replay import ReplayPlugin
from caracal_core.builtin.replay import plugin as module
from caracal_core.builtin.replay.config import ReplayConfig
from caracal_core.builtin.replay.memory import MemoryReplayGuard
from caracal_core.builtin.replay.stored import StoredReplayGuard
from caracal_core.domain import Nonce
from caracal_core.errors import TimestampOutOfWindow
from caracal_core.storage.database import open_database
from caracal_core.testing.fakes import FakeClock, a_services


def _plugin(**rules):
    return ReplayPlugin(ReplayConfig.model_validate({"replay": rules}))


async def _until(database, sql, expected):
    """Wait until a count is as expected, for a bounded time; each look asks the database."""
    count = None
    async with asyncio.timeout(30):
        while count != expected:
            (row,) = await database.fetch(sql)
            count = row["n"]


def test_its_keys_stand_at_the_root_and_its_memory_outlives_a_reload():
    plugin = _plugin()
    assert (plugin.name, plugin.at_root, plugin.keeps_state) == ("replay", True, True)


async def test_each_store_has_its_guard(database):
    services = a_services(database=database)
    assert isinstance(_plugin().replay_guard(services), StoredReplayGuard)
    assert isinstance(_plugin(store="memory").replay_guard(services), MemoryReplayGuard)
    assert _plugin(enabled=False).replay_guard(services) is None


async def test_the_guard_in_memory_knows_that_it_knows_nothing_of_the_past():
    clock = FakeClock(1000.0)
    guard = _plugin(store="memory").replay_guard(a_services(clock=clock))
    with pytest.raises(TimestampOutOfWindow):
        await guard.claim(Nonce("agent", "v", 1330.0, 999.0))
    assert await guard.claim(Nonce("agent", "v", 1330.0, 1000.0))


async def test_expired_nonces_are_removed_while_it_serves(database):
    await database.execute(
        "INSERT INTO nonces VALUES ('a', 'old', 0, 0), ('a', 'live', 0, $1)", time.time() + 100
    )
    async with _plugin().lifespan(a_services(database=database)):
        await _until(database, "SELECT count(*) AS n FROM nonces", 1)


async def test_it_sweeps_again_and_again(database, monkeypatch):
    monkeypatch.setattr(module, "SWEEP_SECONDS", 0.01)
    async with _plugin().lifespan(a_services(database=database)):
        for _ in range(3):
            await database.execute("INSERT INTO nonces VALUES ('a', 'old', 0, 0)")
            await _until(database, "SELECT count(*) AS n FROM nonces", 0)


async def test_a_store_that_is_down_neither_stops_the_start_nor_the_sweeping(
    storage_config, monkeypatch, caplog
):
    monkeypatch.setattr(module, "SWEEP_SECONDS", 0.01)

    class Ailing:
        def __init__(self, database, closed):
            self.dialect, self.now = database.dialect, closed
            self.failed = asyncio.Event()

        async def fetch(self, sql, *arguments):
            return await self.now.fetch(sql, *arguments)

        async def execute(self, sql, *arguments):
            self.failed.set()
            return await self.now.execute(sql, *arguments)

    async with open_database(storage_config) as closed:
        pass
    async with open_database(storage_config) as database:
        await database.execute("INSERT INTO nonces VALUES ('a', 'old', 0, 0)")
        ailing = Ailing(database, closed)
        with caplog.at_level(logging.WARNING):
            async with _plugin().lifespan(a_services(database=ailing)):
                async with asyncio.timeout(30):
                    await ailing.failed.wait()
                    ailing.now = database
                await _until(database, "SELECT count(*) AS n FROM nonces", 0)
    assert "cannot be removed now" in caplog.text


async def test_the_tending_survives_whatever_one_round_raises(database, monkeypatch, caplog):
    """A driver may raise what is no failure of ours."""
    monkeypatch.setattr(module, "SWEEP_SECONDS", 0.01)
    sweep, rounds = module.sweep, []

    async def sweeps(store):
        rounds.append(store)
        if len(rounds) == 1:
            raise RuntimeError("with a s3cret")
        await sweep(store)

    monkeypatch.setattr(module, "sweep", sweeps)
    await database.execute("INSERT INTO nonces VALUES ('a', 'old', 0, 0)")
    async with _plugin().lifespan(a_services(database=database)):
        await _until(database, "SELECT count(*) AS n FROM nonces", 0)
    assert "tending nonces raised RuntimeError" in caplog.text
    assert "s3cret" not in caplog.text


async def test_no_task_outlives_it(database):
    before = asyncio.all_tasks()
    async with _plugin().lifespan(a_services(database=database)):
        assert len(asyncio.all_tasks()) == len(before) + 1
    assert asyncio.all_tasks() == before


@pytest.mark.parametrize("rules", [{"enabled": False}, {"store": "memory"}])
async def test_what_is_weaker_than_the_default_is_said_at_the_start(rules, caplog):
    with caplog.at_level(logging.WARNING):
        async with _plugin(**rules).lifespan(a_services()):
            pass
    assert len(caplog.records) == 1
