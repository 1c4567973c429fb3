"""A lost PostgreSQL is a failure that says what is known, and its return needs no restart."""

import asyncio
import logging

import pytest

from caracal_core.errors import Failure
from caracal_core.storage import postgresql
from caracal_core.storage.errors import Collided, Locked, OutcomeUnknown, Rejected
from caracal_core.storage.postgresql import connect, open_postgresql

SESSIONS = "SELECT count(*) AS n FROM pg_stat_activity WHERE application_name = 'caracal'"
KILL = """SELECT count(pg_terminate_backend(pid)) AS n FROM pg_stat_activity
WHERE query LIKE $1 AND pid <> pg_backend_pid()"""
ASLEEP = """SELECT count(*) AS n FROM pg_stat_activity
WHERE query LIKE $1 AND wait_event = 'PgSleep'"""


async def _count(database, sql, *arguments):
    (row,) = await database.fetch(sql, *arguments)
    return row["n"]


async def _asleep(database, sessions):
    """Wait until so many sessions sleep in a statement of the test's."""
    seen = 0
    async with asyncio.timeout(30):
        while seen < sessions:
            seen = await _count(database, ASLEEP, "SELECT pg_sleep%")


async def _kill_sleeper(database):
    await _asleep(database, 1)
    assert await _count(database, KILL, "SELECT pg_sleep%") == 1


async def test_a_gateway_opens_its_pool_at_once_and_a_command_does_not(postgres_config):
    async with (
        connect(postgres_config) as observer,
        open_postgresql(postgres_config, warm=False) as command,
    ):
        seen = f"{SESSIONS} AND datname = current_database()"
        assert await observer.fetchval(seen) == 0
        await command.fetch("SELECT 1")
        assert await observer.fetchval(seen) == 1
        async with open_postgresql(postgres_config, warm=True):
            assert await observer.fetchval(seen) == 1 + postgres_config.pool_size


async def test_the_pool_overflows_and_then_fails_in_time(postgres_config):
    config = postgres_config.model_copy(
        update={"pool_size": 1, "max_overflow": 1, "pool_timeout": 2}
    )
    async with open_postgresql(config, warm=True) as database:

        async def ask(_first, _second):
            with pytest.raises(Failure, match=r"no connection in 2 s"):
                await database.fetch("SELECT 1")

        await database.transact(lambda first: database.transact(lambda second: ask(first, second)))
        assert await database.fetch("SELECT 1 AS one") == [{"one": 1}]


async def test_a_statement_that_takes_too_long_fails(postgres_config):
    config = postgres_config.model_copy(update={"pool_timeout": 0.2})
    async with open_postgresql(config, warm=False) as database:
        with pytest.raises(Failure, match="TimeoutError"):
            await database.fetch("SELECT pg_sleep(60)")


async def test_a_lost_commit_of_one_statement_is_unknown(postgres_config):
    async with open_postgresql(postgres_config, warm=False) as database:
        work = asyncio.ensure_future(database.fetch("SELECT pg_sleep(60)"))
        await _kill_sleeper(database)
        with pytest.raises(OutcomeUnknown, match="whether it was committed is unknown"):
            await work


async def test_a_lost_transaction_that_never_committed_surely_failed(postgres_config):
    async def insert(tx):
        await tx.execute("INSERT INTO nonces VALUES ('a', 'b', 0, 0)")
        await tx.fetch("SELECT pg_sleep(60)")

    async with open_postgresql(postgres_config, warm=False) as database:
        work = asyncio.ensure_future(database.transact(insert))
        await _kill_sleeper(database)
        with pytest.raises(Failure) as failed:
            await work
        assert not isinstance(failed.value, OutcomeUnknown)
        assert await database.fetch("SELECT * FROM nonces") == []


async def test_nobody_sees_a_transaction_before_its_commit(postgres_config):
    async with open_postgresql(postgres_config, warm=False) as database:

        async def look(tx):
            await tx.execute("INSERT INTO nonces VALUES ('a', 'b', 0, 0)")
            return await database.fetch("SELECT * FROM nonces")

        assert await database.transact(look) == []
        assert len(await database.fetch("SELECT * FROM nonces")) == 1


async def test_a_session_lost_while_idle_in_the_pool_is_replaced(postgres_config):
    async with open_postgresql(postgres_config, warm=True) as database:
        async with connect(postgres_config) as killer:
            await killer.execute(
                """SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                WHERE application_name = 'caracal' AND datname = current_database()"""
            )
        async with asyncio.timeout(30):
            while True:  # the loss of each may be noticed before or by its next use
                try:
                    answers = [await database.fetch("SELECT 1 AS one") for _ in range(8)]
                    break
                except Failure:
                    continue
        assert answers == [[{"one": 1}]] * 8


async def test_a_server_that_is_down_at_the_start_is_used_when_it_is_up(mortal_postgresql, caplog):
    mortal_postgresql.stop()
    config = mortal_postgresql.config("postgres")
    with caplog.at_level(logging.WARNING):
        async with open_postgresql(config, warm=True) as database:
            assert "cannot be reached yet" in caplog.text
            with pytest.raises(Failure, match="Connect"):
                await database.fetch("SELECT 1")
            mortal_postgresql.start()
            assert await database.fetch("SELECT 1 AS one") == [{"one": 1}]
    assert config.password.get_secret_value() not in caplog.text


async def test_a_killed_server_fails_every_verb_and_is_used_again_when_it_is_back(
    mortal_postgresql,
):
    """``kill -9`` of the postmaster while statements and a transaction are under way."""
    config = mortal_postgresql.config("postgres")
    async with open_postgresql(config, warm=True) as database:

        async def sleep(tx):
            await tx.fetch("SELECT pg_sleep(60)")

        work = [asyncio.ensure_future(database.transact(sleep)) for _ in range(2)]
        work.append(asyncio.ensure_future(database.execute("SELECT pg_sleep(60)")))
        await _asleep(database, 3)
        await asyncio.to_thread(mortal_postgresql.kill)
        for ended in await asyncio.gather(*work, return_exceptions=True):
            assert isinstance(ended, Failure)
        with pytest.raises(Failure):
            await database.fetch("SELECT 1")
        with pytest.raises(Failure):
            await database.transact(sleep)
        await asyncio.to_thread(mortal_postgresql.start)
        assert await database.fetch("SELECT 1 AS one") == [{"one": 1}]


async def test_a_connection_that_nobody_gives_back_does_not_hinder_the_end(
    postgres_config, monkeypatch, caplog
):
    monkeypatch.setattr(postgresql, "CLOSE_SECONDS", 0.05)
    async with open_postgresql(postgres_config, warm=False) as database:
        work = asyncio.ensure_future(database.fetch("SELECT pg_sleep(60)"))
        await _asleep(database, 1)
    assert "cut off" in caplog.text
    with pytest.raises(Failure):
        await work


async def test_a_wrong_password_is_said_and_not_shown(postgres_config):
    config = postgres_config.model_copy(update={"password": type(postgres_config.password)("pw!")})
    async with open_postgresql(config, warm=False) as database:
        with pytest.raises(Failure) as failed:
            await database.fetch("SELECT 1")
    assert "password authentication failed" in str(failed.value)
    assert "pw!" not in str(failed.value)


async def test_what_can_be_repeated_is_told_apart_from_what_cannot(postgres_config):
    """Collisions with others, and values that the database or the driver does not take."""
    async with open_postgresql(postgres_config, warm=False) as database:
        for state in ("40001", "40P01"):
            with pytest.raises(Collided):
                await database.execute(
                    f"DO $$ BEGIN RAISE EXCEPTION 'x' USING ERRCODE = '{state}'; END $$"
                )
        for sql, value in (("SELECT CAST($1 AS TEXT)", "\0"), ("SELECT CAST($1 AS INT)", 2**40)):
            with pytest.raises(Rejected):
                await database.fetch(sql, value)


async def test_what_a_frozen_gateway_has_locked_is_free_again_within_seconds(postgres_config):
    """Its process stands still within a transaction, and its connection stays open."""
    async with (
        open_postgresql(postgres_config, warm=True) as frozen,
        open_postgresql(postgres_config, warm=True) as lives,
    ):

        async def stand_still(tx):
            await tx.execute("INSERT INTO nonces VALUES ('a', 'b', 0, 0)")
            async with asyncio.timeout(30):
                while True:
                    try:
                        return await lives.execute("INSERT INTO nonces VALUES ('a', 'b', 0, 0)")
                    except Locked:
                        continue

        with pytest.raises(Failure):
            await frozen.transact(stand_still)
        assert len(await lives.fetch("SELECT * FROM nonces")) == 1
