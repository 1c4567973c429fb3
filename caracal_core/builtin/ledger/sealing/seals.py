"""The seals as they are stored, read strictly: whoever wrote them need not have been us."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import msgspec

from caracal_core.builtin.ledger.errors import PART
from caracal_core.builtin.ledger.sealing.chain import Head
from caracal_core.errors import Failure
from caracal_core.ports import Row, Statements

_HEAD = """
SELECT number, first_id, last_id, entries, previous, hash, sealed_at,
       length(digests) AS labels_bytes
FROM seals
"""
_LAST = f"{_HEAD} ORDER BY number DESC LIMIT 1"
_PAGE = f"""
{_HEAD} WHERE (CAST($1 AS BIGINT) IS NULL OR number > $1) ORDER BY number LIMIT $2
"""
_BEFORE = f"{_HEAD} WHERE last_id < $1 ORDER BY number DESC LIMIT 1"
_LABELS = """
SELECT number, digests FROM seals WHERE number >= $1 AND number <= $2 ORDER BY number
"""
_ADD = """
INSERT INTO seals (number, first_id, last_id, entries, digests, previous, hash, sealed_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
"""


async def last(statements: Statements) -> Head | None:
    """Return the seal with the highest number.

    Raises:
        Failure: it cannot be read, or what stands there is no seal.
    """
    return _one(await statements.fetch(_LAST))


async def before(statements: Statements, id_: int) -> Head | None:
    """Return the last seal that ends before an id.

    Raises:
        Failure: it cannot be read, or what stands there is no seal.
    """
    return _one(await statements.fetch(_BEFORE, id_))


async def page(statements: Statements, after: int | None, most: int) -> Sequence[Head | Row]:
    """Return seals in the order of their numbers; one that cannot be read as its row.

    Args:
        statements: of the database.
        after: return only those with a higher number; None begins with the first.
        most: return at most so many.
    """
    found: list[Head | Row] = []
    for row in await statements.fetch(_PAGE, after, most):
        try:
            found.append(_read(row))
        except msgspec.ValidationError:
            found.append(row)
    return found


async def labels(statements: Statements, first: int, last: int) -> dict[int, object]:
    """Return the labels of seals by their numbers."""
    rows = await statements.fetch(_LABELS, first, last)
    return {cast(int, row["number"]): row["digests"] for row in rows}


async def add(statements: Statements, head: Head, labels: bytes) -> None:
    """Store a seal.

    Raises:
        ConstraintViolated: there is one of this number.
    """
    await statements.execute(
        _ADD,
        head.number,
        head.first_id,
        head.last_id,
        head.entries,
        labels,
        head.previous,
        head.hash,
        head.sealed_at,
    )


def _one(rows: Sequence[Row]) -> Head | None:
    try:
        return _read(rows[0]) if rows else None
    except msgspec.ValidationError as error:
        what = f"the seal {rows[0]['number']} was tampered with: {error}"
        raise Failure(PART, what) from error


def _read(row: Row) -> Head:
    return msgspec.convert(dict(row), Head, builtin_types=(bytes,))
