"""Moves a month's entries out of the journal: into a file first, then away, with a record."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from typing import BinaryIO, cast

import msgspec
from msgspec import Struct

from caracal_core.builtin.ledger import partitions
from caracal_core.builtin.ledger.errors import LedgerError
from caracal_core.builtin.ledger.sealing import archives, seals
from caracal_core.builtin.ledger.sealing.archive_file import ArchiveWriter
from caracal_core.builtin.ledger.sealing.archives import MOST_RUNS, Archive, Run
from caracal_core.builtin.ledger.sealing.chain import Head
from caracal_core.builtin.ledger.sealing.checkpoints import earliest_from
from caracal_core.builtin.ledger.sealing.days import DAY_SECONDS
from caracal_core.builtin.ledger.sealing.entry_form import (
    COLUMNS,
    LABEL_BYTES,
    SealedEntry,
    labelled_id,
    read,
)
from caracal_core.builtin.ledger.sealing.month import Month, month_of
from caracal_core.builtin.ledger.sealing.walk import in_groups
from caracal_core.ports import Database, Statements

STEP = 5000
"""How many rows are removed at once on SQLite, all in one transaction."""

_DAYS = "SELECT DISTINCT day FROM spend_days WHERE day < $1 ORDER BY day"
_SPAN = """
SELECT min(first_id) AS first_id, max(last_id) AS last_id, sum(calls + voided + adjusted) AS entries
FROM spend_days WHERE day >= $1 AND day < $2
"""
_UNSEALED = "SELECT count(*) AS count FROM entries WHERE id > $1 AND created_at < $2"
_OF_MONTH = (
    "created_at >= CAST($1 AS DOUBLE PRECISION) AND created_at < CAST($2 AS DOUBLE PRECISION)"
)
_ENTRIES = f"""
SELECT {COLUMNS} FROM entries WHERE {_OF_MONTH} AND id >= $3 AND id <= $4 ORDER BY id LIMIT $5
"""  # noqa: S608 - constants
_REMOVE = f"""
DELETE FROM entries WHERE id IN (
    SELECT id FROM entries WHERE {_OF_MONTH} AND id >= $3 AND id <= $4 ORDER BY id LIMIT $5
)
"""  # noqa: S608 - constants
# Who writes an entry waits behind the lock on all of them, so that it is not waited for long.
_IMPATIENT = "SELECT set_config('lock_timeout', '2s', TRUE)"  # TRUE: in this transaction


class Draft(Struct, frozen=True):
    """What was written to a file, and may now be removed.

    Attributes:
        month: whose entries.
        entries: how many.
        runs: of their ids.
    """

    month: Month
    entries: int
    runs: tuple[Run, ...]


async def months_before(database: Database, before: Month) -> Sequence[Month]:
    """Return the months before one that have sealed entries and are not archived.

    Raises:
        FalseRecord: the record of an archive was tampered with.
        Failure: the database cannot be asked.
    """
    rows = await database.fetch(_DAYS, before.days[0])
    done = {each.month for each in await archives.archives(database)}
    found = {month_of(float(cast(int, row["day"]) * DAY_SECONDS)) for row in rows}
    return sorted(month for month in found if str(month) not in done)


async def refuse_unsealed(statements: Statements | Database, ends: float) -> None:
    """See that everything that was entered before an instant is sealed.

    Raises:
        LedgerError: something is not.
        Failure: the database cannot be asked.
    """
    last = await seals.last(statements)
    (row,) = await statements.fetch(_UNSEALED, last.last_id if last else 0, ends)
    if row["count"]:
        raise LedgerError(
            f"{row['count']} entries of these months are not sealed: "
            "what entered them, or others, is still under way. Try again later."
        )


async def gather(database: Database, month: Month) -> None:
    """See that PostgreSQL's partition of a month has all of its entries, strays included.

    Raises:
        Failure: it cannot be made: the role does not own the table, or it was busy for 2 s.
    """
    if database.dialect == "postgresql":
        await partitions.make(database, int(month.starts))


async def write(database: Database, month: Month, out: BinaryIO) -> Draft:
    """Write a month's entries, with the seals that cover them, as they stand in the journal.

    Args:
        database: where the journal is.
        month: whose entries; all of them are sealed.
        out: where to, in bytes.

    Raises:
        LedgerError: they are not as they were sealed, or cannot be told from other months'.
        Failure: the database cannot be asked.
    """
    (span,) = await database.fetch(_SPAN, *month.days)
    first_id, last_id = cast(int, span["first_id"]), cast(int, span["last_id"])
    with closing(ArchiveWriter(out, month)) as file:
        writing = _Writing(database, month, file)
        before = await seals.before(database, first_id)
        async for group, fault in in_groups(database, before):
            if fault:
                raise LedgerError(f"The ledger is not as it was sealed: {fault.what}.")
            await writing.add(group)
            if group[-1].last_id >= last_id:
                break
        last = writing.last
        file.end(await earliest_from(database, last.number) if last else None)
    return Draft(month, writing.entries, writing.runs())


class _Writing:
    """One month on its way into a file."""

    def __init__(self, database: Database, month: Month, file: ArchiveWriter) -> None:
        self._database = database
        self._month = month
        self.file = file
        self.entries = 0
        self.last: Head | None = None
        self._runs: list[list[int]] = []
        self._running = False

    async def add(self, group: Sequence[Head]) -> None:
        """Write seals and the month's entries in their range."""
        labels = await seals.labels(self._database, group[0].number, group[-1].number)
        ids = (group[0].first_id, group[-1].last_id)
        most = sum(head.entries for head in group) + 1
        entries = await self._read(self._month.starts, self._month.ends, *ids, most)
        start = 0
        for head in group:
            end = start
            while end < len(entries) and entries[end].id <= head.last_id:
                end += 1
            own = labels.get(head.number)
            self._add(head, own if isinstance(own, bytes) else b"", entries[start:end])
            start = end

    async def _read(self, *where: float) -> Sequence[SealedEntry]:
        try:
            return read(await self._database.fetch(_ENTRIES, *where))
        except msgspec.ValidationError as error:
            raise LedgerError(f"An entry of {self._month} was tampered with: {error}.") from error

    def _add(self, head: Head, labels: bytes, entries: Sequence[SealedEntry]) -> None:
        ids = {entry.id for entry in entries}
        others = []
        for at in range(0, len(labels), LABEL_BYTES):
            label = labels[at : at + LABEL_BYTES]
            id_ = labelled_id(label)
            if id_ not in ids:
                others.append(label)
            self._run(id_, of_month=id_ in ids)
        self.file.seal(head, others, entries)
        self.entries += len(entries)
        self.last = head

    def _run(self, id_: int, *, of_month: bool) -> None:
        if of_month and self._running:
            self._runs[-1][1] = id_
        elif of_month:
            self._runs.append([id_, id_])
        self._running = of_month
        if len(self._runs) > MOST_RUNS:
            raise LedgerError(f"The entries of {self._month} alternate too often with others'.")

    def runs(self) -> tuple[Run, ...]:
        return tuple((first, last) for first, last in self._runs)


async def remove(database: Database, archive: Archive) -> None:
    """Store the record and remove the entries, both or neither.

    Args:
        database: where the journal is.
        archive: the record; its file is on the disk, and was verified.

    Raises:
        LedgerError: there are other entries of the month than the record says.
        Failure: the database cannot be asked, or the journal was busy for too long.
    """

    async def work(tx: Statements) -> None:
        if database.dialect == "postgresql":
            await _drop(tx, archive)
        await archives.add(tx, database, archive)
        await refuse_unsealed(tx, archive.ends)
        if database.dialect == "sqlite":
            await _delete(tx, archive)

    await database.transact(work)


async def _drop(tx: Statements, archive: Archive) -> None:
    """Drop the partition; that of the month was made, and has all of its entries."""
    partition = f"entries_{archive.month.replace('-', '_')}"
    await tx.fetch(_IMPATIENT)
    # Whoever enters something of the month is waited for, and what else is entered is not.
    await tx.execute(f"LOCK TABLE {partition} IN SHARE ROW EXCLUSIVE MODE")
    (row,) = await tx.fetch(f"SELECT count(*) AS count FROM {partition}")  # noqa: S608 - a month
    _agree(archive, cast(int, row["count"]))
    await tx.execute(f"ALTER TABLE entries DETACH PARTITION {partition}")
    await tx.execute(f"DROP TABLE {partition}")


async def _delete(tx: Statements, archive: Archive) -> None:
    """Delete the rows, which the trigger permits since they have a record."""
    where = (archive.starts, archive.ends, archive.first_id, archive.last_id, STEP)
    count = 0
    while removed := await tx.execute(_REMOVE, *where):
        count += removed
    _agree(archive, count)


def _agree(archive: Archive, count: int) -> None:
    if count != archive.entries:
        raise LedgerError(
            f"{archive.month} has {count} entries now, and its file {archive.entries}: "
            "nothing was removed. Try again."
        )
