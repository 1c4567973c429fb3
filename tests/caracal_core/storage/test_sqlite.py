"""The embedded store is durable and private, readers do not wait, and it never hangs."""

import asyncio
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing

import pytest

from caracal_core.errors import Failure, Misconfigured
from caracal_core.storage.data_dir import check_usable, database_file
from caracal_core.storage.database import open_database
from caracal_core.storage.sqlite import READERS, Readers

INSERT = "INSERT INTO nonces VALUES ($1, $2, 0, 0)"
ACKNOWLEDGING = """
import asyncio, pathlib, sys
from caracal_core.storage.config import StorageConfig
from caracal_core.storage.database import open_database

async def main():
    async with open_database(StorageConfig(data_dir=pathlib.Path(sys.argv[1]))) as database:
        async def insert(number):
            while True:
                value = f"{number}"
                await database.transact(
                    lambda tx: tx.execute("INSERT INTO nonces VALUES ('a', $1, 0, 0)", value)
                )
                print(value, flush=True)
                number += 20
        await asyncio.gather(*(insert(number) for number in range(20)))

asyncio.run(main())
"""


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


async def test_readers_neither_wait_for_a_writer_nor_see_what_is_not_committed(sqlite_config, held):
    async with open_database(sqlite_config) as database:
        writing = asyncio.ensure_future(database.transact(held))
        await held.begun()
        async with asyncio.timeout(10):
            reads = (database.fetch("SELECT * FROM nonces") for _ in range(3 * READERS))
            assert await asyncio.gather(*reads) == [[]] * 3 * READERS
        held.let_go()
        await writing
        assert len(await database.fetch("SELECT * FROM nonces")) == 1


async def test_a_reader_that_waits_too_long_fails(sqlite_config):
    readers = Readers(0.05)
    await readers.open(sqlite_config.data_dir / "caracal.db")
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n"
    connections = [readers._connections.get() for _ in range(READERS)]
    for connection in connections:
        readers._connections.put(connection)
    reading = [asyncio.ensure_future(readers.fetch(endless, ())) for _ in range(READERS)]
    await asyncio.sleep(0)
    with pytest.raises(Failure, match=r"no connection in 0\.05 s"):
        await readers.fetch("SELECT 1", ())
    while not all(task.done() for task in reading):
        for connection in connections:
            connection.interrupt()
        await asyncio.wait(reading, timeout=0.01)
    for task in reading:
        with pytest.raises(Failure, match="interrupted"):
            await task
    await readers.close()


async def test_a_file_that_another_process_locks_fails(sqlite_config, held):
    config = sqlite_config.model_copy(update={"pool_timeout": 0.05})
    async with open_database(config) as database, open_database(config) as other:
        locking = asyncio.ensure_future(other.transact(held))
        await held.begun()
        with pytest.raises(Failure, match="locked"):
            await database.execute(INSERT, "a", "b")
        held.let_go()
        await locking
        assert await database.execute(INSERT, "a", "b") == 1


async def test_a_transaction_reads_what_nobody_changes_until_it_writes(sqlite_config):
    """BEGIN IMMEDIATE: two that read first and write then do not overtake each other."""

    async def append(tx):
        (row,) = await tx.fetch("SELECT count(*) AS n FROM nonces")
        await tx.execute(INSERT, "a", str(row["n"]))

    async with open_database(sqlite_config) as one, open_database(sqlite_config) as two:
        await asyncio.gather(*(database.transact(append) for database in [one, two] * 10))
        assert len(await one.fetch("SELECT * FROM nonces")) == 20


async def test_cancelled_writes_leave_no_transaction_open(sqlite_config):
    async with open_database(sqlite_config) as database, open_database(sqlite_config) as other:
        for number in range(20):
            write = asyncio.ensure_future(database.fetch(f"{INSERT} RETURNING scope", "a", number))
            for _ in range(number % 4):
                await asyncio.sleep(0)
            write.cancel()
        await other.execute(INSERT, "a", "other")
        await database.execute(INSERT, "a", "last")
        seen = [row["value"] for row in await other.fetch("SELECT value FROM nonces")]
        assert {"other", "last"} <= set(seen)


async def test_a_transaction_that_failed_frees_the_file_for_other_processes(sqlite_config):
    config = sqlite_config.model_copy(update={"pool_timeout": 0.05})

    async def give_up(tx):
        await tx.execute(INSERT, "a", "lost")
        raise KeyError

    async with open_database(config) as database, open_database(config) as other:
        with pytest.raises(KeyError):
            await database.transact(give_up)
        assert await other.execute(INSERT, "a", "b") == 1


async def test_a_file_that_is_no_database_fails_and_nothing_stays_open(sqlite_config):
    path = sqlite_config.data_dir / "caracal.db"
    good = path.read_bytes()
    path.write_bytes(b"not a database" * 1000)
    with pytest.raises(Failure, match="not a database"):
        await open_database(sqlite_config, exclusive=True).__aenter__()
    path.write_bytes(good)
    async with open_database(sqlite_config, exclusive=True) as database:
        assert await database.fetch("SELECT 1 AS one") == [{"one": 1}]


async def test_a_directory_that_cannot_be_made_is_misconfigured(tmp_path, sqlite_config):
    (tmp_path / "file").write_text("")
    config = sqlite_config.model_copy(update={"data_dir": tmp_path / "file" / "data"})
    with pytest.raises(Misconfigured, match="CARACAL_DATA_DIR"):
        await open_database(config).__aenter__()


@pytest.mark.parametrize(
    ("ending", "inside", "code"),
    [
        ("raise SystemExit(3)", False, 3),
        ("raise SystemExit(3)", True, 1),  # a work's is told to its caller as a failure
        *(("raise KeyError", inside, 1) for inside in (True, False)),
        *(("pass", inside, 0) for inside in (True, False)),
    ],
)
def test_the_process_ends_with_the_store_however_it_is_left(sqlite_config, ending, inside, code):
    """A thread that waits for work would keep the interpreter from exiting."""
    program = f"""
import asyncio, pathlib
from caracal_core.storage.config import StorageConfig
from caracal_core.storage.database import open_database

async def work(tx):
    await tx.fetch("SELECT 1")
    {ending if inside else "pass"}

async def main():
    config = StorageConfig(data_dir=pathlib.Path({str(sqlite_config.data_dir)!r}))
    async with open_database(config) as database:
        await database.fetch("SELECT 1")
        await database.transact(work)
        {ending}

asyncio.run(main())
"""
    ended = subprocess.run(  # noqa: S603 - this interpreter
        [sys.executable, "-c", program], capture_output=True, timeout=60, check=False
    )
    assert ended.returncode == code


async def test_a_killed_process_loses_nothing_that_it_acknowledged(sqlite_config):
    """``kill -9`` while twenty write at once: each line it printed is in the file."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", ACKNOWLEDGING, str(sqlite_config.data_dir)),
        stdout=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(60):
        said = [await process.stdout.readline() for _ in range(500)]
        process.kill()
        said += (await process.stdout.read()).splitlines(keepends=True)
        await process.wait()
    acknowledged = {line.decode().strip() for line in said if line.endswith(b"\n")}
    async with open_database(sqlite_config) as database:
        kept = {row["value"] for row in await database.fetch("SELECT value FROM nonces")}
        assert len(acknowledged) >= 500
        assert acknowledged <= kept
        whole = await database.fetch("SELECT * FROM pragma_integrity_check")
        assert whole == [{"integrity_check": "ok"}]


@pytest.mark.parametrize("again", [database_file, check_usable])
async def test_the_process_keeps_its_locks_whatever_else_looks_at_the_file(sqlite_config, again):
    """Else another process, when it ends, would remove the log that this one goes on writing to."""
    path = sqlite_config.data_dir / "caracal.db"
    elsewhere = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute(sys.argv[2])"
    async with open_database(sqlite_config) as database:
        await database.execute("CREATE TABLE notes (said TEXT)")
        again(sqlite_config.data_dir)
        for said in ("first", "second"):
            words = (
                sys.executable,
                "-c",
                f"{elsewhere}; c.close()",
                str(path),
                "SELECT count(*) FROM notes",
            )
            ended = await asyncio.create_subprocess_exec(*words)
            assert await ended.wait() == 0
            assert path.with_name("caracal.db-wal").exists()
            await database.execute("INSERT INTO notes VALUES ($1)", said)
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT count(*) FROM notes").fetchone() == (2,)
