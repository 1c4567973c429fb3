"""Credentials that are refused before their time: one of them, or all that an agent has."""

from __future__ import annotations

import re
from collections.abc import Sequence

from msgspec import Struct, convert

from caracal_core.errors import CaracalError
from caracal_core.ports import Database, Dialect
from caracal_core.storage import accounts
from caracal_core.storage.dialect import NOW

SCHEME = re.compile(r"[a-z][a-z0-9_]{0,63}", re.ASCII)
LONGEST = 256
"""Characters of a credential's public name, and of a reason."""
PAGE = 1000
BATCH = 1000
BATCHES_MAX = 1000

_IN_FORCE = "(expires_at IS NULL OR expires_at > {now})"
_REVOKED = """
SELECT 1 AS one FROM revocations
WHERE credential = CAST($2 AS TEXT) AND scheme = CAST($1 AS TEXT) AND {in_force}
UNION ALL
SELECT 1 FROM revocations
WHERE agent = CAST($3 AS TEXT) AND (scheme IS NULL OR scheme = CAST($1 AS TEXT))
  AND (CAST($4 AS DOUBLE PRECISION) IS NULL OR issued_before > $4) AND {in_force}
LIMIT 1
"""
_ADD = """
INSERT INTO revocations
    (scheme, credential, agent, issued_before, reason, created_at, expires_at)
SELECT CAST($1 AS TEXT), CAST($2 AS TEXT), CAST($3 AS TEXT),
       CASE WHEN CAST($3 AS TEXT) IS NULL THEN NULL
            ELSE COALESCE(CAST($4 AS DOUBLE PRECISION), instant) END,
       CAST($5 AS TEXT), instant, instant + CAST($6 AS DOUBLE PRECISION)
FROM (SELECT {now} AS instant) AS clock
RETURNING *
"""
_LIST = "SELECT * FROM revocations WHERE id > $1 ORDER BY id LIMIT $2"
_REMOVE = "DELETE FROM revocations WHERE id = $1"
_SWEEP = """
DELETE FROM revocations WHERE id IN (
    SELECT id FROM revocations WHERE expires_at <= {now} ORDER BY expires_at LIMIT $1)
"""


class RevocationError(CaracalError):
    """It cannot be revoked as asked; the message says why and what to do."""


class Revocation(Struct, frozen=True):
    """What is refused.

    Attributes:
        id: a number to remove it by.
        scheme: the scheme that the credential is of; None is any, for an agent's.
        credential: public name of the one credential; None where it is an agent's.
        agent: whose credentials are refused; None where it is one credential.
        issued_before: unix seconds; credentials of the agent that were surely issued then or later
            are good, and those that do not say when they were issued are refused.
        reason: what the operator said; empty where nothing.
        created_at: unix seconds by the database's clock.
        expires_at: unix seconds when it ends; None is never.
    """

    id: int
    scheme: str | None
    credential: str | None
    agent: str | None
    issued_before: float | None
    reason: str
    created_at: float
    expires_at: float | None


async def revoke_credential(
    database: Database,
    scheme: str,
    credential: str,
    *,
    reason: str = "",
    expire_seconds: float | None = None,
) -> Revocation:
    """Refuse one credential from now on.

    Args:
        database: where it is written.
        scheme: the credential's scheme.
        credential: its public name within the scheme, as in `Principal.credential`.
        reason: for those who read the list.
        expire_seconds: for how long; None is for ever. The credential's own rest is enough.

    Raises:
        RevocationError: a word is malformed.
        Failure: the database cannot be asked.
    """
    _check(scheme, reason)
    if not (0 < len(credential) <= LONGEST and credential.isprintable()):
        raise RevocationError(f"A credential's name is 1-{LONGEST} printable characters.")
    return await _add(database, scheme, credential, None, None, reason, expire_seconds)


async def revoke_agent(
    database: Database,
    agent: str,
    *,
    scheme: str | None = None,
    issued_before: float | None = None,
    reason: str = "",
    expire_seconds: float | None = None,
) -> Revocation:
    """Refuse every credential of an agent that was issued before an instant.

    Args:
        database: where it is written.
        agent: its name.
        scheme: only this scheme's credentials; None is every scheme's.
        issued_before: unix seconds; None is now by the database's clock.
        reason: for those who read the list.
        expire_seconds: for how long; None is for ever.

    Raises:
        AccountError: no agent of this name is registered, or it is a group.
        RevocationError: a word is malformed.
        Failure: the database cannot be asked.
    """
    _check(scheme, reason)
    await accounts.agent(database, agent)
    return await _add(database, scheme, None, agent, issued_before, reason, expire_seconds)


async def is_revoked(
    database: Database,
    scheme: str,
    credential: str | None,
    agent: str | None,
    issued_at: float | None,
) -> bool:
    """Return whether a credential is refused now, by the database's clock.

    Args:
        database: what to ask.
        scheme: the credential's scheme.
        credential: its public name, if it has one.
        agent: whom it proves; None where it proves no agent by itself, as a proxy's.
        issued_at: the earliest moment it may have been issued, in unix seconds, if it says so.

    Raises:
        Failure: the database cannot be asked.
    """
    sql = _REVOKED_IN[database.dialect]
    return bool(await database.fetch(sql, scheme, credential, agent, issued_at))


async def listing(database: Database, *, after: int = 0, limit: int = PAGE) -> Sequence[Revocation]:
    """Return revocations by their number.

    Args:
        database: where they are.
        after: only numbers above this one.
        limit: return at most so many.
    """
    rows = await database.fetch(_LIST, after, limit)
    return [convert(dict(row), Revocation) for row in rows]


async def remove(database: Database, id: int) -> None:
    """Take a revocation back.

    Raises:
        RevocationError: there is none of this number.
        Failure: the database cannot be asked.
    """
    if not await database.execute(_REMOVE, id):
        raise RevocationError(
            f"There is no revocation {id}; `caracal revocations list` shows which there are."
        )


async def sweep(database: Database) -> int:
    """Remove what has ended, in small batches, and return how many there were."""
    removed = 0
    for _ in range(BATCHES_MAX):
        batch = await database.execute(_SWEEP.format(now=NOW[database.dialect]), BATCH)
        removed += batch
        if batch < BATCH:
            break
    return removed


def _revoked(dialect: Dialect) -> str:
    return _REVOKED.format(in_force=_IN_FORCE.format(now=NOW[dialect]))


_REVOKED_IN = {dialect: _revoked(dialect) for dialect in NOW}


def _check(scheme: str | None, reason: str) -> None:
    if scheme is not None and not SCHEME.fullmatch(scheme):
        raise RevocationError(f"{scheme!r} is no scheme: a scheme is a word such as jwt.")
    if len(reason) > LONGEST or "\x00" in reason:
        raise RevocationError(f"A reason has at most {LONGEST} characters, and no zero byte.")


async def _add(database: Database, *values: object) -> Revocation:
    (row,) = await database.fetch(_ADD.format(now=NOW[database.dialect]), *values)
    return convert(dict(row), Revocation)
