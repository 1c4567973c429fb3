"""Signed statements of the chain's last seal, kept in the database and exported elsewhere."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import cast

from msgspec import Struct

from caracal_core.builtin.ledger.sealing import seals
from caracal_core.builtin.ledger.sealing.statement_form import (
    BadStatement,
    Checkpoint,
    checked,
    signed,
)
from caracal_core.builtin.ledger.statement import Statement
from caracal_core.ports import Database, Signer

_PAGE_ROWS = 500
_NOW = Statement("SELECT {now} AS now")
_STORE = """
INSERT INTO checkpoints (number, statement, created_at) VALUES ($1, $2, $3)
ON CONFLICT (number) DO NOTHING
"""
_LATEST = "SELECT number, created_at FROM checkpoints ORDER BY number DESC LIMIT 1"
_FROM = "SELECT statement FROM checkpoints WHERE number >= $1 ORDER BY number LIMIT 1"
_PAGE = """
SELECT number, statement FROM checkpoints
WHERE (CAST($1 AS BIGINT) IS NULL OR number > $1) ORDER BY number LIMIT $2
"""


class Stored(Struct, frozen=True):
    """A statement as it is stored.

    Attributes:
        number: the number that it is stored under.
        statement: the statement.
    """

    number: int
    statement: str


async def sign_last(database: Database, signer: Signer, at: float | None = None) -> str | None:
    """Sign the last seal, store the statement unless there is one of this seal, and return it.

    Args:
        database: where the chain is.
        signer: signs it.
        at: the instant, in unix seconds; None is now by the database's clock.

    Returns:
        The statement; None where nothing is sealed.

    Raises:
        Failure: the database cannot be asked.
    """
    last = await seals.last(database)
    if last is None:
        return None
    (row,) = await database.fetch(_NOW[database.dialect], at)
    now = cast(float, row["now"])
    checkpoint = Checkpoint(last.number, last.hash.hex(), last.last_id, last.sealed_at, now)
    statement = signed(checkpoint, signer)
    await database.execute(_STORE, last.number, statement, now)
    return statement


async def sign_when_due(
    database: Database, signer: Signer, seconds: float, at: float | None = None
) -> bool:
    """Sign the last seal where the last statement is older than so many seconds.

    Args:
        database: where the chain is.
        signer: signs it.
        seconds: how old the last statement has to be.
        at: the instant, in unix seconds; None is now by the database's clock.

    Returns:
        Whether a new seal was signed.

    Raises:
        Failure: the database cannot be asked.
    """
    rows = await database.fetch(_LATEST)
    if rows:
        (row,) = await database.fetch(_NOW[database.dialect], at)
        if cast(float, row["now"]) - cast(float, rows[0]["created_at"]) < seconds:
            return False
        last = await seals.last(database)
        if last is None or last.number <= cast(int, rows[0]["number"]):
            return False
    return await sign_last(database, signer, at) is not None


async def earliest_from(database: Database, number: int) -> str | None:
    """Return the first stored statement that vouches for a seal, or None.

    Raises:
        Failure: the database cannot be asked.
    """
    rows = await database.fetch(_FROM, number)
    return str(rows[0]["statement"]) if rows else None


async def stored(database: Database) -> AsyncIterator[Stored]:
    """Yield the stored statements in the order of their seals."""
    after: int | None = None
    while rows := await database.fetch(_PAGE, after, _PAGE_ROWS):
        for row in rows:
            after = cast(int, row["number"])
            yield Stored(after, str(row["statement"]))


class Vouched(Struct, frozen=True):
    """What signed statements vouch for.

    Attributes:
        hashes: of seals, in their numbers' order, by number.
        false: which stored statement is not genuine, in one sentence; None where all are.
    """

    hashes: Mapping[int, Sequence[bytes]]
    false: str | None = None


async def vouched_for(
    database: Database, keys: Mapping[str, bytes], given: Sequence[Checkpoint] = ()
) -> Vouched:
    """Return what the stored statements vouch for, and those that were exported before.

    Args:
        database: where the statements are.
        keys: public keys by their ids, one of which has to have signed each.
        given: what exported statements say, checked already.

    Raises:
        Failure: the database cannot be asked.
    """
    hashes: dict[int, list[bytes]] = {}
    false: str | None = None
    for checkpoint in given:
        hashes.setdefault(checkpoint.number, []).append(bytes.fromhex(checkpoint.hash))
    async for each in stored(database):
        try:
            checkpoint = checked(each.statement, keys)
        except BadStatement as error:
            false = false or f"the stored checkpoint {each.number} is not genuine: {error}"
            continue
        if checkpoint.number != each.number:
            false = false or f"the stored checkpoint {each.number} is that of another seal"
        hashes.setdefault(checkpoint.number, []).append(bytes.fromhex(checkpoint.hash))
    return Vouched(hashes, false)
