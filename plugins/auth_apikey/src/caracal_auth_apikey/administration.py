"""What the operator does with keys: issue, list, rotate, revoke. Each is one short transaction."""

from __future__ import annotations

import json
from collections.abc import Sequence

from msgspec import Struct, convert
from msgspec.structs import replace

from caracal_auth_apikey.key_text import ApiKey, generate
from caracal_auth_apikey.store import ENDS_AT, words
from caracal_core.domain import HashKey
from caracal_core.errors import CaracalError
from caracal_core.ports import Database, Row, Statements
from caracal_core.storage import accounts
from caracal_core.storage.dialect import NOW

_SHOWN = f"""id, agent, label, hash_key, routes, methods, cidrs, created_at, not_after,
    replaced_by, revoked_at, last_used_at, {ENDS_AT} AS ends_at"""


class KeyRefused(CaracalError):
    """The wish cannot be granted; the message says why and what to do."""


class Limits(Struct, frozen=True):
    """What a key may be used for, and from where; empty is without a limit.

    Attributes:
        routes: globs over route ids.
        methods: methods, or a plugin route's actions.
        cidrs: networks in their canonical form.
    """

    routes: tuple[str, ...] = ()
    methods: tuple[str, ...] = ()
    cidrs: tuple[str, ...] = ()


class Listed(Struct, frozen=True):
    """A key as it is listed; instants are unix seconds by the database's clock.

    Attributes:
        id: its public part.
        agent: whom it proves.
        label: what the operator called it.
        state: ``active``; ``ending`` because it was replaced; ``ended``; or ``revoked``.
        limits: what it may be used for.
        hash_key: id of the hash key that made its hash.
        created_at: when it was issued.
        ends_at: when it ends or ended by itself; None where never.
        replaced_by: id of the key in its place.
        revoked_at: when it was revoked.
        last_used_at: begin of the hour or day in which it was last used.
    """

    id: str
    agent: str
    label: str
    state: str
    limits: Limits
    hash_key: str
    created_at: float
    ends_at: float | None
    replaced_by: str | None
    revoked_at: float | None
    last_used_at: float | None


class _Terms(Struct, frozen=True):
    """What a key is issued with; a replaced key's successor takes it over."""

    agent: str
    label: str
    routes: str
    methods: str
    cidrs: str
    lifetime: float | None


async def issue(
    database: Database,
    hash_key: HashKey,
    agent: str,
    *,
    label: str = "",
    limits: Limits = Limits(),  # noqa: B008 - frozen
    expire_seconds: float | None = None,
) -> ApiKey:
    """Make a key for an agent and return it; only its hash is kept.

    Args:
        database: where it is kept.
        hash_key: makes the hash.
        agent: a registered agent.
        label: what the operator calls it.
        limits: what it may be used for.
        expire_seconds: when it ends, from now; None is never.

    Raises:
        AccountError: there is no such agent, or it is a group.
        Failure: the database cannot be asked.
    """
    await accounts.agent(database, agent)
    routes, methods, cidrs = map(json.dumps, (limits.routes, limits.methods, limits.cidrs))
    new = _Terms(agent, label, routes, methods, cidrs, expire_seconds)
    key = generate()
    await _insert(database, NOW[database.dialect], key, hash_key, new)
    return key


async def rotate(
    database: Database,
    hash_key: HashKey,
    id: str,
    *,
    overlap_seconds: float,
    expire_seconds: float | None = None,
) -> ApiKey:
    """Make a key in the place of another, which ends after the overlap; return the new one.

    It is for the same agent, with the same label and limits.

    Args:
        database: where they are kept.
        hash_key: makes the new one's hash.
        id: the key to be replaced.
        overlap_seconds: how long both are good.
        expire_seconds: when the new one ends, from now; None is after as long as the old one was
            issued for.

    Raises:
        KeyRefused: there is no such key, or it has ended, or was revoked or replaced already.
        Failure: the database cannot be asked.
    """
    key, now = generate(), NOW[database.dialect]

    async def replace_it(tx: Statements) -> None:
        rows = await tx.fetch(_replace_sql(now), id, overlap_seconds, key.id)
        if not rows:
            raise KeyRefused(await _why_not_replaced(tx, now, id))
        terms = convert(dict(rows[0]), _Terms)
        if expire_seconds is not None:
            terms = replace(terms, lifetime=expire_seconds)
        await _insert(tx, now, key, hash_key, terms)

    await database.transact(replace_it)
    return key


async def revoke(database: Database, id: str) -> bool:
    """Revoke a key; return False where it was revoked already.

    Raises:
        KeyRefused: there is no such key.
        Failure: the database cannot be asked.
    """
    now = NOW[database.dialect]
    if await database.execute(
        f"UPDATE api_keys SET revoked_at = {now} WHERE id = $1 AND revoked_at IS NULL",  # noqa: S608 - a constant
        id,
    ):
        return True
    await _only(database, now, id)
    return False


async def revoke_all(database: Database, agent: str) -> int:
    """Revoke every key of an agent that is not revoked yet; return how many those were.

    Raises:
        AccountError: there is no such agent, or it is a group.
        Failure: the database cannot be asked.
    """
    await accounts.agent(database, agent)
    now = NOW[database.dialect]
    return await database.execute(
        f"UPDATE api_keys SET revoked_at = {now} WHERE agent = $1 AND revoked_at IS NULL",  # noqa: S608 - a constant
        agent,
    )


async def listing(
    database: Database, *, agent: str | None = None, limit: int = 1000
) -> Sequence[Listed]:
    """Return keys by agent and age.

    Args:
        database: where they are kept.
        agent: only this one's.
        limit: at most so many.

    Raises:
        AccountError: there is no such agent, or it is a group.
        Failure: the database cannot be asked.
    """
    if agent is not None:
        await accounts.agent(database, agent)
    where, arguments = ("WHERE agent = $2", [agent]) if agent is not None else ("", [])
    rows = await database.fetch(
        f"""SELECT {_SHOWN}, {NOW[database.dialect]} AS now FROM api_keys {where}
        ORDER BY agent, created_at, id LIMIT $1""",  # noqa: S608 - constants
        limit,
        *arguments,
    )
    return [_listed(row) for row in rows]


def _replace_sql(now: str) -> str:
    """Return the claim on a key to be replaced; of several claims one gets its row."""
    return f"""UPDATE api_keys SET not_after = {now} + $2, replaced_by = $3
    WHERE id = $1 AND revoked_at IS NULL AND replaced_by IS NULL
      AND (expires_at IS NULL OR expires_at > {now})
    RETURNING agent, label, routes, methods, cidrs, expires_at - created_at AS lifetime"""  # noqa: S608 - a constant


async def _insert(
    statements: Statements, now: str, key: ApiKey, hash_key: HashKey, new: _Terms
) -> None:
    await statements.execute(
        f"""INSERT INTO api_keys (id, agent, hash, hash_key, label, routes, methods, cidrs,
                                  created_at, expires_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, {now}, {now} + $9)""",  # noqa: S608 - a constant
        key.id,
        new.agent,
        key.hashed(hash_key),
        hash_key.id,
        new.label,
        new.routes,
        new.methods,
        new.cidrs,
        new.lifetime,
    )


async def _why_not_replaced(statements: Statements, now: str, id: str) -> str:
    """Say why a key cannot be replaced.

    Raises:
        KeyRefused: there is no such key.
    """
    key = await _only(statements, now, id)
    if key.revoked_at is None and key.replaced_by is not None:
        return f"{id} was replaced by {key.replaced_by}; rotate that one."
    return f"{id} is {key.state}; `caracal keys issue {key.agent}` issues a new key."


async def _only(statements: Statements, now: str, id: str) -> Listed:
    """Return one key.

    Raises:
        KeyRefused: there is no such key.
    """
    rows = await statements.fetch(f"SELECT {_SHOWN}, {now} AS now FROM api_keys WHERE id = $1", id)  # noqa: S608 - constants
    if not rows:
        raise KeyRefused(f"There is no key {id}; `caracal keys list` shows those there are.")
    return _listed(rows[0])


def _listed(row: Row) -> Listed:
    lists = (words(str(row[name])) for name in ("routes", "methods", "cidrs"))
    known = {name: value for name, value in row.items() if name in Listed.__struct_fields__}
    return convert({**known, "state": _state(row), "limits": Limits(*lists)}, Listed)


def _state(row: Row) -> str:
    if row["revoked_at"] is not None:
        return "revoked"
    if row["ends_at"] is not None and float(str(row["ends_at"])) <= float(str(row["now"])):
        return "ended"
    return "ending" if row["not_after"] is not None else "active"
