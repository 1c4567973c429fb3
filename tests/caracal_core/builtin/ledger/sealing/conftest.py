"""Journals to seal, and hands that change what is sealed as somebody with all rights could."""

from __future__ import annotations

import gzip
import sqlite3
from contextlib import ExitStack, asynccontextmanager, closing

import pytest

from caracal_core.builtin.ledger.sealing import archiving
from caracal_core.builtin.ledger.sealing.archive_file import ArchiveReader
from caracal_core.builtin.ledger.sealing.archived import Archived
from caracal_core.builtin.ledger.sealing.archives import Archive, archives
from caracal_core.builtin.ledger.sealing.month import Month
from caracal_core.builtin.ledger.sealing.sealer import Sealer
from caracal_core.builtin.ledger.sealing.verification import Verification
from caracal_core.errors import Failure
from caracal_core.storage.postgresql import _Statements, connect
from caracal_core.storage.sqlite_connection import SqliteStatements

MIDNIGHT = 1_795_392_000.0
"""2026-11-23T00:00:00Z."""
TABLES = ("entries", "seals", "checkpoints", "archives")
CHECKS = """
SELECT conrelid::regclass AS of, conname AS name FROM pg_constraint
WHERE contype = 'c' AND conislocal AND conrelid::regclass::text = ANY($1::text[])
"""


def an_entry(number, **columns):
    """Return the columns of an entry; each number's are others."""
    kind = ("posted", "voided", "adjustment")[number % 3]
    plain = {
        "charge": f"{number:032x}",
        "kind": kind,
        "agent": ("alice", "bob", "zoë")[number % 3],
        "route": ("chat", "search")[number % 2],
        "request": f"request-{number}",
        "currency": ("USD", "EUR")[number % 5 == 0],
        "held_micro": 0 if kind == "adjustment" else 1_000_000 + number,
        "amount_micro": 0 if kind == "voided" else 1_500_000 + number,
        "cause": "reply",
        "created_at": MIDNIGHT + number * 3600.25,
    }
    return {**plain, **columns}


def insert(table, columns, overriding=""):
    """Return the statement that adds a row."""
    places = ", ".join(f"${place}" for place, _ in enumerate(columns, 1))
    return f"INSERT INTO {table} ({', '.join(columns)}) {overriding} VALUES ({places})"  # noqa: S608


@pytest.fixture
async def enter(database):
    """Enter so many entries, numbered on from the last ones."""
    entered = 0

    async def enter(count, overriding="", **columns):
        nonlocal entered
        for number in range(entered, entered + count):
            entry = an_entry(number, **columns)
            await database.execute(insert("entries", entry, overriding), *entry.values())
        entered += count

    return enter


@pytest.fixture
async def seal(database):
    """Seal all that is final, so many entries a seal."""

    async def seal(most=10):
        return await Sealer(database, most).seal()

    return seal


@pytest.fixture
async def verified(database, open_archive):
    """Verify, and return the sentence about the first fault, or what was found in order."""

    async def verified(expected=(), files=(), within=database):
        archived = Archived(await archives(within), [open_archive(file) for file in files])
        verdict = await Verification(within, dict(expected), archived=archived).verify()
        if verdict.fault:
            return verdict.fault.what
        return verdict.entries, verdict.seals, verdict.unsealed

    return verified


OCTOBER, NOVEMBER = Month(2026, 10), Month(2026, 11)


@pytest.fixture
def open_archive():
    """Open the file of an archive; it is closed after the test."""
    with ExitStack() as stack:
        yield lambda path: ArchiveReader(stack.enter_context(path.open("rb")), path.name)


@pytest.fixture
def rewritten():
    """Write a file of an archive anew with changed lines."""

    def rewritten(path, change):
        lines = gzip.decompress(path.read_bytes()).splitlines(keepends=True)
        path.write_bytes(gzip.compress(b"".join(change(lines))))
        return path

    return rewritten


@pytest.fixture
async def months(database, enter, seal):
    """Enter 5 entries of October, then 8 of both in turns, then 5 of November; seal 4 at once."""
    for id_ in range(1, 19):
        early = id_ <= 5 or (id_ <= 13 and id_ % 2)
        await enter(1, created_at=OCTOBER.ends + (-1000 if early else 1000) + id_)
    await seal(4)


@pytest.fixture
async def drafted(database, months, tmp_path):
    """Write October into a file; return the record, which is not stored."""

    async def drafted(name="october"):
        await archiving.gather(database, OCTOBER)
        with (tmp_path / name).open("wb") as out:
            draft = await archiving.write(database, OCTOBER, out)
        span = (OCTOBER.starts, OCTOBER.ends, draft.runs[0][0], draft.runs[-1][1])
        return Archive("2026-10", *span, draft.entries, draft.runs, name, "0" * 64)

    return drafted


@pytest.fixture
async def archived(database, drafted, tmp_path):
    """Archive October, and return its file."""
    record = await drafted()
    await archiving.remove(database, record)
    return tmp_path / record.file


class Intruder:
    """Has every right on the database, and no signing key: what it does is undone again.

    It is a `Database` too, one that sees what it did.
    """

    def __init__(self, dialect, statements, raw):
        self.dialect = dialect
        self.fetch = statements.fetch
        self.execute = statements.execute
        self._raw = raw

    @asynccontextmanager
    async def at_work(self):
        """Take the guards away, and take back at the end whatever was done meanwhile."""
        await self._raw("BEGIN")
        try:
            await (self._unguard_sqlite if self.dialect == "sqlite" else self._unguard)()
            await self.execute("DROP INDEX IF EXISTS entries_one_ending")
            yield
        finally:
            await self._raw("ROLLBACK")

    async def commit(self):
        """Let what was done stay."""
        await self._raw("COMMIT")
        await self._raw("BEGIN")

    async def transact(self, work):
        """Do it within what is open already."""
        return await work(self)

    async def try_(self, sql, *arguments):
        """Run a statement and return whether the database took it."""
        await self._raw("SAVEPOINT try")
        try:
            touched = await self.execute(sql, *arguments)
        except Failure:
            await self._raw("ROLLBACK TO SAVEPOINT try")
            return False
        return bool(touched)

    async def _unguard_sqlite(self):
        for row in await self.fetch("SELECT name FROM sqlite_master WHERE type = 'trigger'"):
            await self.execute(f"DROP TRIGGER {row['name']}")

    async def _unguard(self):
        for table in TABLES:
            await self.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        for row in await self.fetch(CHECKS, list(TABLES)):
            await self.execute(f"ALTER TABLE {row['of']} DROP CONSTRAINT {row['name']}")
        await self.execute("ALTER TABLE entries ALTER id SET GENERATED BY DEFAULT")


@pytest.fixture
async def intruder(storage_config):
    """Open the store for somebody who may do everything to it."""
    if not storage_config.embedded:
        async with connect(storage_config) as connection:
            yield Intruder("postgresql", _Statements(connection, commits=False), connection.execute)
        return
    path = storage_config.data_dir / "caracal.db"
    with closing(sqlite3.connect(path, isolation_level=None, timeout=20)) as connection:
        connection.execute("PRAGMA ignore_check_constraints = ON")

        async def raw(sql):
            connection.execute(sql)

        yield Intruder("sqlite", SqliteStatements(connection), raw)
