"""Seals what is final, in bounded batches, by one process at a time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import cast

import msgspec

from caracal_core.builtin.ledger.errors import PART
from caracal_core.builtin.ledger.sealing import seals
from caracal_core.builtin.ledger.sealing.chain import chained
from caracal_core.builtin.ledger.sealing.days import Days
from caracal_core.builtin.ledger.sealing.entry_form import COLUMNS, SealedEntry, label, read
from caracal_core.builtin.ledger.sealing.finality import Finality
from caracal_core.builtin.ledger.statement import Statement
from caracal_core.errors import Failure
from caracal_core.ports import Database, Dialect, Statements

LOCK = 0x6361_7261_6361_6C01
"""The advisory lock's number, one above that of migrations."""
PAGE = 500
"""How many entries are read at once: what serves agents meanwhile waits for one page at most."""

_TRY_LOCK = "SELECT pg_try_advisory_xact_lock($1) AS mine"
_ENTRIES = f"""
SELECT {COLUMNS} FROM entries WHERE id > $1 AND id <= $2 ORDER BY id LIMIT $3
"""  # noqa: S608 - constants
_NOW = Statement("SELECT {now} AS now")
_LAST_ID = "SELECT COALESCE(max(id), 0) AS last_id FROM entries"
_LEFT = "SELECT count(*) AS count FROM entries WHERE id > $1 AND id <= $2"
_LOOK_AGAIN_SECONDS = 0.1


class Sealer:
    """Seals the journal as far as it is final.

    Args:
        database: where the journal is.
        most: how many entries one seal covers at most, up to `chain.MOST_ENTRIES`.
    """

    def __init__(self, database: Database, most: int) -> None:
        self._database = database
        self._most = most
        self._finality = Finality(database)

    async def seal(self) -> int:
        """Seal all that is final by now, and return how many entries that were.

        Where another process is sealing, it is left to that one.

        Raises:
            Failure: the database cannot be asked, or what stands there is no seal or entry.
        """
        final, sealed = await self._finality.look(), 0
        while count := await seal(self._database, final, self._most):
            sealed += count
        return sealed


async def seal(database: Database, final: int, most: int) -> int:
    """Seal what comes next and roll it up into the sums by day, in one transaction.

    Args:
        database: where the journal is.
        final: the highest id up to which the journal is final.
        most: how many entries the seal covers at most.

    Returns:
        How many entries were sealed; none where there are none, or another process is sealing.

    Raises:
        Failure: the database cannot be asked, or what stands there is no seal or entry.
    """
    try:
        return await database.transact(lambda tx: _seal(tx, database.dialect, final, most))
    except msgspec.ValidationError as error:
        raise Failure(PART, f"what is to be sealed was tampered with: {error}") from error


async def _seal(tx: Statements, dialect: Dialect, final: int, most: int) -> int:
    if not await _alone(tx, dialect):
        return 0
    before = await seals.last(tx)
    labels, days, last_id = bytearray(), Days(), before.last_id if before else 0
    async for found in _pages(tx, last_id, final, most):
        labels += b"".join(map(label, found))
        days.add(found)
        last_id = found[-1].id
    if not labels:
        return 0
    (row,) = await tx.fetch(_NOW[dialect], None)
    head = chained(before, last_id, bytes(labels), cast(float, row["now"]))
    await seals.add(tx, head, bytes(labels))
    await days.write(tx, dialect)
    return head.entries


async def _alone(tx: Statements, dialect: Dialect) -> bool:
    """Take the lock if nobody has it; SQLite's transaction is alone from its start."""
    if dialect == "sqlite":
        return True
    (row,) = await tx.fetch(_TRY_LOCK, LOCK)
    return bool(row["mine"])


async def _pages(
    tx: Statements, after: int, final: int, most: int
) -> AsyncIterator[Sequence[SealedEntry]]:
    while most and (found := read(await tx.fetch(_ENTRIES, after, final, min(PAGE, most)))):
        yield found
        after, most = found[-1].id, most - len(found)


async def seal_now(database: Database, most: int, seconds: float) -> int:
    """Seal everything that is there now, waiting for what is under way.

    Args:
        database: where the journal is.
        most: how many entries one seal covers at most.
        seconds: how long to wait for transactions that are under way, or for another sealer.

    Returns:
        How many entries that are there are still not sealed.

    Raises:
        Failure: the database cannot be asked, or what stands there is no seal or entry.
    """
    sealer, loop = Sealer(database, most), asyncio.get_running_loop()
    (row,) = await database.fetch(_LAST_ID)
    until = loop.time() + seconds
    while True:
        await sealer.seal()
        last = await seals.last(database)
        after = last.last_id if last else 0
        (left,) = await database.fetch(_LEFT, after, row["last_id"])
        if not left["count"] or loop.time() >= until:
            return cast(int, left["count"])
        await asyncio.sleep(_LOOK_AGAIN_SECONDS)
