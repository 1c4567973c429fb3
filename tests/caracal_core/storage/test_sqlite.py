"""The embedded store is durable and private, readers do not wait, and it never hangs."""

import asyncio
import sqlite3
import stat
import subprocess
import sys

import pytest

from caracal_core.errors import Failure, Misconfigured
from caracal_core.storage.database import open_database
from caracal_core.storage.sqlite import open_sqlite

INSERT = "INSERT INTO nonces VALUES ($1, $2, 0, 0)"


async def test_commits_reach_the_disk_before_they_are_acknowledged(sqlite_config):
    async with open_sqlite(sqlite_config, exclusive=False) as database:
        for connection in (database._writer, database._readers.get_nowait()):
            settings = {}
            for name in ("journal_mode", "synchronous", "foreign_keys"):
                rows = await connection.execute_fetchall(f"PRAGMA {name}")
                settings |= rows[0]
            assert settings == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}


async def test_every_file_of_the_store_is_private(tmp_path, sqlite_config):
    config = sqlite_config.model_copy(update={"data_dir": tmp_path / "new" / "data"})
    async with open_database(config, exclusive=True) as database:
        await database.execute("CREATE TABLE things (name TEXT)")
        assert stat.S_IMODE(config.data_dir.stat().st_mode) == 0o700
        files = list(config.data_dir.iterdir())
        assert {file.name for file in files} >= {"caracal.db", "caracal.db-wal"}
        assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}


async def test_one_process_serves_and_the_command_line_works_beside_it(sqlite_config):
    async with open_database(sqlite_config, exclusive=True):
        with pytest.raises(Misconfigured, match="another gateway serves"):
            await open_database(sqlite_config, exclusive=True).__aenter__()
        async with open_database(sqlite_config) as command:
            assert await command.execute(INSERT, "a", "b") == 1
    async with open_database(sqlite_config, exclusive=True) as successor:
        assert len(await successor.fetch("SELECT * FROM nonces")) == 1


async def test_readers_do_not_wait_for_a_writer(sqlite_config):
    async with open_database(sqlite_config) as database, database.transaction() as transaction:
        await transaction.execute(INSERT, "a", "b")
        async with asyncio.timeout(10):
            assert await database.fetch("SELECT * FROM nonces") == []


async def test_readers_cannot_write(sqlite_config):
    async with open_sqlite(sqlite_config, exclusive=False) as database:
        reader = database._readers.get_nowait()
        with pytest.raises(sqlite3.OperationalError, match="readonly"):
            await reader.execute_fetchall("DELETE FROM nonces")


async def test_a_writer_that_waits_too_long_fails(sqlite_config):
    config = sqlite_config.model_copy(update={"pool_timeout": 0.05})
    async with open_database(config) as database, database.transaction():
        with pytest.raises(Failure, match=r"no connection in 0\.05 s"):
            await database.execute(INSERT, "a", "b")


async def test_a_file_that_another_process_locks_fails(sqlite_config):
    config = sqlite_config.model_copy(update={"pool_timeout": 0.05})
    async with open_database(config) as database, open_database(config) as other:
        async with other.transaction():
            with pytest.raises(Failure, match="locked"):
                await database.execute(INSERT, "a", "b")
        assert await database.execute(INSERT, "a", "b") == 1


async def test_a_transaction_reads_what_nobody_changes_until_it_writes(sqlite_config):
    """BEGIN IMMEDIATE: two that read first and write then do not overtake each other."""

    async def append(database):
        async with database.transaction() as transaction:
            (row,) = await transaction.fetch("SELECT count(*) AS n FROM nonces")
            await transaction.execute(INSERT, "a", str(row["n"]))

    async with open_database(sqlite_config) as one, open_database(sqlite_config) as two:
        await asyncio.gather(*(append(database) for database in [one, two] * 10))
        assert len(await one.fetch("SELECT * FROM nonces")) == 20


async def test_a_cancelled_write_leaves_no_transaction_open(sqlite_config):
    async with open_database(sqlite_config) as database:
        for number in range(20):
            write = asyncio.ensure_future(database.fetch(f"{INSERT} RETURNING scope", "a", number))
            await asyncio.sleep(0)
            write.cancel()
        async with database.transaction() as transaction:
            await transaction.execute(INSERT, "a", "last")
        assert {"value": "last"} in await database.fetch("SELECT value FROM nonces")


async def test_a_transaction_that_failed_frees_the_file_for_other_processes(sqlite_config):
    config = sqlite_config.model_copy(update={"pool_timeout": 0.05})

    async def give_up(database):
        async with database.transaction() as transaction:
            await transaction.execute(INSERT, "a", "lost")
            raise KeyError

    async with open_database(config) as database, open_database(config) as other:
        with pytest.raises(KeyError):
            await give_up(database)
        assert await other.execute(INSERT, "a", "b") == 1


async def test_a_rollback_that_failed_is_made_up_for(sqlite_config, monkeypatch):
    """Else every later write would land in a transaction that nobody commits."""

    async def fail():
        raise sqlite3.OperationalError("database or disk is full")

    async def give_up(database):
        async with database.transaction() as transaction:
            await transaction.execute(INSERT, "a", "lost")
            raise KeyError

    async with open_sqlite(sqlite_config, exclusive=False) as database:
        with monkeypatch.context() as full_disk:
            full_disk.setattr(database._writer, "rollback", fail)
            with pytest.raises(Failure, match="full"):
                await give_up(database)
        await database.execute(INSERT, "a", "kept")
        assert await database.fetch("SELECT value FROM nonces") == [{"value": "kept"}]


async def test_a_file_that_is_no_database_fails(sqlite_config):
    (sqlite_config.data_dir / "caracal.db").write_bytes(b"not a database" * 1000)
    with pytest.raises(Failure, match="not a database"):
        await open_database(sqlite_config).__aenter__()


async def test_a_directory_that_cannot_be_made_is_misconfigured(tmp_path, sqlite_config):
    (tmp_path / "file").write_text("")
    config = sqlite_config.model_copy(update={"data_dir": tmp_path / "file" / "data"})
    with pytest.raises(Misconfigured, match="CARACAL_DATA_DIR"):
        await open_database(config).__aenter__()


@pytest.mark.parametrize(
    ("ending", "code"), [("raise SystemExit(3)", 3), ("raise KeyError", 1), ("pass", 0)]
)
def test_the_process_ends_with_the_store_however_it_is_left(sqlite_config, ending, code):
    """An open connection's thread would keep the interpreter from exiting."""
    program = f"""
import asyncio, pathlib
from caracal_core.storage.config import StorageConfig
from caracal_core.storage.database import open_database

async def main():
    config = StorageConfig(data_dir=pathlib.Path({str(sqlite_config.data_dir)!r}))
    async with open_database(config) as database, database.transaction() as transaction:
        await transaction.fetch("SELECT 1")
        {ending}

asyncio.run(main())
"""
    ended = subprocess.run(  # noqa: S603 - this interpreter
        [sys.executable, "-c", program], capture_output=True, timeout=60, check=False
    )
    assert ended.returncode == code
