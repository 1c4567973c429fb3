"""Records of archived months: what is missing from the journal on purpose, and where it went."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import cast

import msgspec
from msgspec import Struct

from caracal_core.builtin.ledger.sealing.month import parse_month
from caracal_core.builtin.ledger.statement import Statement
from caracal_core.ports import Database, Row, Statements

MOST_RUNS = 10_000
"""How often two months' entries may alternate, so that a record stays small."""

_ALL = """
SELECT month, starts, ends, first_id, last_id, entries, runs, file, sha256
FROM archives ORDER BY month
"""
_BETWEEN = """
SELECT month, file FROM archives
WHERE (CAST($1 AS DOUBLE PRECISION) IS NULL OR ends > $1)
  AND (CAST($2 AS DOUBLE PRECISION) IS NULL OR starts < $2)
ORDER BY month
"""
_ADD = Statement("""
INSERT INTO archives (archived_at, month, starts, ends, first_id, last_id, entries, runs, file,
                      sha256)
VALUES ({now}, $2, $3, $4, $5, $6, $7, $8, $9, $10)
""")

Run = tuple[int, int]


class Archive(Struct, frozen=True):
    """A month whose entries were written to a file and removed here.

    Attributes:
        month: such as 2026-01.
        starts: its first instant, in unix seconds.
        ends: the first instant behind it.
        first_id: the first of its entries.
        last_id: the last of them.
        entries: how many they are.
        runs: first and last id of each run: every sealed id in a run is one of the month's, and
            none outside. Months overlap at their ends, for ids are given out before commits.
        file: the file's name when it was written.
        sha256: of the file, in hexadecimal digits.
    """

    month: str
    starts: float
    ends: float
    first_id: int
    last_id: int
    entries: int
    runs: tuple[Run, ...]
    file: str
    sha256: str


class FalseRecord(ValueError):
    """A record is not as it was written; the message says which."""


async def archives(statements: Statements | Database) -> Sequence[Archive]:
    """Return the records in the order of their months.

    Raises:
        FalseRecord: one was tampered with.
        Failure: the database cannot be asked.
    """
    found = [_read(row) for row in await statements.fetch(_ALL)]
    runs = sorted(run for each in found for run in each.runs)
    if not _disjoint(runs):
        raise FalseRecord("the records of archives were changed: two name the same entries")
    return found


async def archived_between(
    database: Database, since: float | None, until: float | None
) -> Sequence[tuple[str, str]]:
    """Return month and file of the archives that have to do with a span of time.

    Args:
        database: where the records are.
        since: its first instant, in unix seconds; None is the earliest.
        until: the first instant behind it; None is the latest.

    Raises:
        Failure: the database cannot be asked.
    """
    rows = await database.fetch(_BETWEEN, since, until)
    return [(str(row["month"]), str(row["file"])) for row in rows]


async def add(tx: Statements, database: Database, archive: Archive) -> None:
    """Store a record.

    Raises:
        ConstraintViolated: there is one of this month.
    """
    await tx.execute(
        _ADD[database.dialect],
        None,
        archive.month,
        archive.starts,
        archive.ends,
        archive.first_id,
        archive.last_id,
        archive.entries,
        msgspec.json.encode(archive.runs).decode(),
        archive.file,
        archive.sha256,
    )


def _read(row: Row) -> Archive:
    """Read a record strictly: whoever wrote it need not have been us."""
    try:
        runs = msgspec.json.decode(cast(str, row["runs"]), type=tuple[Run, ...])
        archive = msgspec.convert({**row, "runs": runs}, Archive)
        month = parse_month(archive.month)
    except (ValueError, TypeError):
        raise FalseRecord(f"the record of the archive {row['month']} was changed") from None
    spanned = runs and (archive.first_id, archive.last_id) == (runs[0][0], runs[-1][1])
    timed = (archive.starts, archive.ends) == (month.starts, month.ends)
    if not (spanned and timed and _disjoint(runs)):
        raise FalseRecord(f"the record of the archive {month} was changed")
    return archive


def _disjoint(runs: Iterable[Run]) -> bool:
    runs = list(runs)
    return all(first <= last for first, last in runs) and all(
        one[1] < other[0] for one, other in pairwise(runs)
    )
