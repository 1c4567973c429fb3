"""One connection is at hand; nobody waits for it in vain, and a lost one is not used."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager

import asyncpg
import pytest

from caracal_core.storage.connections import Connections
from caracal_core.storage.postgresql import address, connect

OTHERS = """SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid()"""


class CountingPool(asyncpg.Pool):
    """Counts how often it is asked for a connection."""

    asked = 0

    def acquire(self, **options):
        self.asked += 1
        return super().acquire(**options)


@asynccontextmanager
async def opened(config, most=2):
    pool = CountingPool(
        min_size=0, max_size=most, max_queries=50_000, max_inactive_connection_lifetime=0.0,
        connect=None, setup=None, init=None, reset=None, loop=asyncio.get_running_loop(),
        connection_class=asyncpg.Connection, record_class=asyncpg.Record, **address(config),
    )  # fmt: skip
    await pool
    connections = Connections(pool)
    try:
        yield pool, connections
        async with asyncio.timeout(30):
            await connections.close()
    finally:
        connections.terminate()


async def test_who_asks_again_and_again_asks_the_pool_once(postgres_config):
    async with opened(postgres_config) as (pool, connections):
        pids = set()
        for _ in range(5):
            connection = await connections.take(30)
            pids.add(connection.get_server_pid())
            await connections.give_back(connection, sound=True)
        assert len(pids) == 1
        assert pool.asked == 1


async def test_two_at_once_have_one_each(postgres_config):
    async with opened(postgres_config) as (_, connections):
        first, second = await connections.take(30), await connections.take(30)
        pids = [first.get_server_pid(), second.get_server_pid()]
        assert pids[0] != pids[1]
        await connections.give_back(first, sound=True)
        await connections.give_back(second, sound=True)
        again = [await connections.take(30) for _ in range(2)]
        assert [each.get_server_pid() for each in again] == pids
        for each in again:
            await connections.give_back(each, sound=True)


async def test_who_waits_gets_what_is_given_back(postgres_config):
    async with opened(postgres_config, most=1) as (_, connections):
        only = await connections.take(30)
        waiting = asyncio.ensure_future(connections.take(30))
        with pytest.raises(TimeoutError):
            await connections.take(0.01)
        await connections.give_back(only, sound=True)
        async with asyncio.timeout(20):
            again = await waiting
        await connections.give_back(again, sound=True)


async def test_what_did_not_end_well_goes_to_the_pool(postgres_config):
    """There it is brought in order: the transaction is rolled back."""
    async with opened(postgres_config) as (pool, connections):
        connection = await connections.take(30)
        await connection.execute("BEGIN")
        await connections.give_back(connection, sound=False)
        connection = await connections.take(30)
        assert pool.asked == 2
        assert not connection.is_in_transaction()
        await connections.give_back(connection, sound=True)


async def test_one_that_was_lost_is_replaced_and_leaves_its_place(postgres_config):
    async with opened(postgres_config, most=1) as (_, connections):
        connection = await connections.take(30)
        terminated = asyncio.Event()
        connection.add_termination_listener(lambda _: terminated.set())
        await connections.give_back(connection, sound=True)
        async with connect(postgres_config) as killer:
            await killer.execute(OTHERS)
        async with asyncio.timeout(30):
            await terminated.wait()
        connection = await connections.take(30)
        assert await connection.fetchval("SELECT 1") == 1
        await connections.give_back(connection, sound=True)


async def test_one_that_the_driver_gave_up_leaves_its_place(postgres_config):
    """It does so where a cancelled statement does not end; the pool is told of it by nobody."""
    async with opened(postgres_config, most=1) as (_, connections):
        connection = await connections.take(30)
        await connections.give_back(connection, sound=True)
        connection._con._protocol.abort()
        connection = await connections.take(20)
        assert await connection.fetchval("SELECT 1") == 1
        await connections.give_back(connection, sound=True)


async def test_closing_waits_for_those_in_use_and_keeps_none(postgres_config):
    async with opened(postgres_config) as (_, connections):
        kept, used = await connections.take(30), await connections.take(30)
        await connections.give_back(kept, sound=True)
        closing = asyncio.ensure_future(connections.close())
        done, _ = await asyncio.wait([closing], timeout=0.1)
        assert not done
        await connections.give_back(used, sound=True)
        async with asyncio.timeout(20):
            await closing
        with pytest.raises(asyncpg.InterfaceError):
            await connections.take(1)


async def test_one_whose_transaction_is_still_open_goes_to_the_pool(postgres_config):
    """However well its last statement ended: the next ones would be in it, and never committed."""
    async with opened(postgres_config) as (pool, connections):
        connection = await connections.take(30)
        await connection.execute("SELECT 1; BEGIN")
        await connections.give_back(connection, sound=True)
        connection = await connections.take(30)
        assert not connection.is_in_transaction()
        assert pool.asked == 2
        await connections.give_back(connection, sound=True)
