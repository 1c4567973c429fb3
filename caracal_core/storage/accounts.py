"""Who pays: agents, and the groups above them. Accounts are never renamed or removed."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal
from uuid import uuid4

from msgspec import Struct

from caracal_core.errors import CaracalError, Failure
from caracal_core.ports import Database, Dialect, Row, Statements
from caracal_core.storage.dialect import NOW
from caracal_core.storage.errors import PART

Kind = Literal["agent", "group"]

NAME = re.compile(r"[A-Za-z0-9._:/@|+=-]{1,128}", re.ASCII)
NAME_RULE = "1-128 of A-Z a-z 0-9 . _ : / @ | + = -"
DEEPEST = 8
"""The most accounts on one path, the agent's own included."""
PAGE = 1000
PLACES_LOCK = 0x6361_7261_6361_6C02
"""The advisory lock's number, one above that of the ledger's sealer."""

_PATH = """
WITH RECURSIVE path (id, name, kind, parent_id, enabled, created_at, depth) AS (
    SELECT id, name, kind, parent_id, enabled, created_at, 1 FROM accounts WHERE name = $1
    UNION ALL
    SELECT above.id, above.name, above.kind, above.parent_id, above.enabled, above.created_at,
           path.depth + 1
    FROM path JOIN accounts above ON above.id = path.parent_id
    WHERE path.depth <= $2
)
SELECT path.*, above.name AS parent
FROM path LEFT JOIN accounts above ON above.id = path.parent_id
ORDER BY depth
"""
_LIST = """
SELECT account.*, above.name AS parent
FROM accounts account LEFT JOIN accounts above ON above.id = account.parent_id
WHERE account.name > $1
ORDER BY account.name
LIMIT $2
"""


class AccountError(CaracalError):
    """The account cannot be had as asked; the message says why and what to do."""


class Account(Struct, frozen=True):
    """One account.

    Attributes:
        id: what other tables refer to.
        name: what people and account paths refer to.
        kind: an agent can authenticate, a group cannot.
        parent: name of the account above, which pays too.
        enabled: whether it was not disabled itself; an account above may be.
        created_at: unix seconds by the database's clock.
    """

    id: str
    name: str
    kind: Kind
    parent: str | None
    enabled: bool
    created_at: float


async def register(
    database: Database, name: str, *, kind: Kind = "agent", parent: str | None = None
) -> Account:
    """Make an account.

    Raises:
        AccountError: the name is malformed or taken, or the parent is unknown or as deep as
            accounts go.
        Failure: the database cannot be asked.
    """
    if not NAME.fullmatch(name):
        raise AccountError(f"{name!r} is no account name: a name is {NAME_RULE}.")

    async def insert(tx: Statements) -> Sequence[Row]:
        above = None
        if parent is not None:
            await lock_places(tx, database.dialect)
            above = await parent_of(tx, parent)
        return await tx.fetch(
            f"""INSERT INTO accounts (id, name, kind, parent_id, created_at)
            VALUES ($1, $2, $3, $4, {NOW[database.dialect]})
            ON CONFLICT (name) DO NOTHING RETURNING *""",  # noqa: S608 - constants
            uuid4().hex,
            name,
            kind,
            above.id if above else None,
        )

    rows = await database.transact(insert)
    if not rows:
        raise AccountError(f"{name} is registered already{_how_to_move(name, parent)}.")
    return _account({**rows[0], "parent": parent})


async def lock_places(tx: Statements, dialect: Dialect) -> None:
    """Let nobody else change what stands below what until the transaction ends.

    Where two did so at once, each could leave what the other makes too deep, or a circle. SQLite's
    transaction has locked all of it.
    """
    if dialect == "postgresql":
        await tx.fetch("SELECT pg_advisory_xact_lock($1)", PLACES_LOCK)


async def path(database: Statements, name: str) -> Sequence[Account]:
    """Return the account of this name and those above it up to the root; empty if unknown.

    Raises:
        Failure: the database cannot be asked, or its accounts form a circle.
    """
    rows = await database.fetch(_PATH, name, DEEPEST)
    if len(rows) > DEEPEST:
        raise Failure(PART, f"there are more than {DEEPEST} accounts on the path of {name}")
    return [_account(row) for row in rows]


async def registered(database: Statements, name: str) -> Sequence[Account]:
    """Return the account of this name and those above it, as `path` does.

    Raises:
        AccountError: nobody registered it.
        Failure: the database cannot be asked, or its accounts form a circle.
    """
    found = await path(database, name)
    if not found:
        raise unknown(name)
    return found


async def agent(database: Database, name: str) -> Account:
    """Return the agent of this name.

    Raises:
        AccountError: nobody registered it, or it is a group, which shows no credentials.
        Failure: the database cannot be asked, or its accounts form a circle.
    """
    found = (await registered(database, name))[0]
    if found.kind != "agent":
        raise AccountError(f"{name} is a group, and groups do not authenticate; name an agent.")
    return found


async def listing(database: Database, *, after: str = "", limit: int = PAGE) -> Sequence[Account]:
    """Return accounts by name.

    Args:
        database: where they are.
        after: return only names that sort behind this one.
        limit: return at most so many.
    """
    return [_account(row) for row in await database.fetch(_LIST, after, limit)]


async def enable(database: Database, name: str, *, enabled: bool = True) -> None:
    """Enable or disable an account; a disabled group disables every agent below it.

    Raises:
        AccountError: there is no such account.
        Failure: the database cannot be asked.
    """
    touched = await database.execute(
        "UPDATE accounts SET enabled = $2 WHERE name = $1", name, enabled
    )
    if not touched:
        raise unknown(name)


def unknown(name: str) -> AccountError:
    """Return the error for a name that nobody registered."""
    return AccountError(f"{name!r} is not registered; `caracal agents list` shows who is.")


def why_not_admitted(name: str, found: Sequence[Account]) -> str | None:
    """Say why an agent is refused whatever it shows, and the mend; None where it is admitted.

    Args:
        name: the agent's.
        found: its account and those above it, as `path` returns them.
    """
    if not found:
        return str(unknown(name))
    for account in found:
        if not account.enabled:
            whose = "" if account.name == name else f", and {name} is below it"
            return (
                f"{account.name!r} is disabled{whose}; "
                f"`caracal agents enable {account.name}` admits it again."
            )
    return None


async def parent_of(database: Statements, name: str) -> Account:
    """Return the account of this name, which another one is to stand below.

    Raises:
        AccountError: nobody registered it, or it is as deep as accounts go.
        Failure: the database cannot be asked, or its accounts form a circle.
    """
    above = await registered(database, name)
    if len(above) >= DEEPEST:
        raise AccountError(f"{name} is as deep as accounts go: {DEEPEST} on one path.")
    return above[0]


def _how_to_move(name: str, parent: str | None) -> str:
    """Return what to add where somebody registers an account again, below another one."""
    if parent is None:
        return ""
    return f"; `caracal agents move {name} --parent {parent}` puts it below {parent}"


def _account(row: Row) -> Account:
    return Account(
        id=str(row["id"]),
        name=str(row["name"]),
        kind="agent" if row["kind"] == "agent" else "group",
        parent=None if row["parent"] is None else str(row["parent"]),
        enabled=bool(row["enabled"]),
        created_at=float(str(row["created_at"])),
    )
