"""What a gateway asks of the table, and what it writes there while it serves."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from ipaddress import IPv4Network, IPv6Network, ip_network
from types import MappingProxyType

from msgspec import Struct, convert
from msgspec.json import Decoder

from caracal_core.ports import Database, Dialect
from caracal_core.storage.dialect import NOW

ENDS_AT = """CASE WHEN not_after IS NULL OR expires_at < not_after THEN expires_at
             ELSE not_after END"""
"""When a key ends: by its own expiry, or because it was replaced, whichever comes first."""

words = Decoder(tuple[str, ...]).decode
"""Read a JSON array of the table's."""

_AMONG: Mapping[Dialect, str] = MappingProxyType(
    {
        "postgresql": "= ANY(ARRAY(SELECT json_array_elements_text(CAST($1 AS json))))",
        "sqlite": "IN (SELECT value FROM json_each($1))",
    }
)


class _Row(Struct, frozen=True):
    """A row as the database gives it; SQLite has numbers for what is true."""

    agent: str
    hash: str
    hash_key: str
    routes: str
    methods: str
    cidrs: str
    created_at: float
    last_used_at: float | None
    revoked: bool
    ends_in: float | None
    now: float


class Record(Struct, frozen=True):
    """What the database knew of a key when it was asked.

    Attributes:
        agent: whom it proves.
        hash: keyed hash of the key.
        hash_key: id of the hash key that made it.
        routes: globs over route ids; empty is every route.
        methods: methods or actions; empty is all.
        networks: where it may be used from; empty is everywhere.
        created_at: unix seconds.
        last_used_at: unix seconds, coarse; None where it was never used.
        revoked: whether it was revoked.
        ends_in: in how many seconds it ends; None where it never does.
        now: the database's own unix seconds.
    """

    agent: str
    hash: str
    hash_key: str
    routes: tuple[str, ...]
    methods: tuple[str, ...]
    networks: tuple[IPv4Network | IPv6Network, ...]
    created_at: float
    last_used_at: float | None
    revoked: bool
    ends_in: float | None
    now: float


class Rehash(Struct, frozen=True):
    """A stored hash to be replaced by one that another hash key made.

    Attributes:
        id: the API key's id.
        old: the hash that is replaced, and no other.
        new: the hash in its place.
        hash_key: id of the hash key that made it.
    """

    id: str
    old: str
    new: str
    hash_key: str


async def find(database: Database, id: str) -> Record | None:
    """Return what is known of the key with this id, or None.

    Raises:
        Failure: the database cannot be asked.
    """
    now = NOW[database.dialect]
    rows = await database.fetch(
        f"""SELECT agent, hash, hash_key, routes, methods, cidrs, created_at, last_used_at,
               revoked_at IS NOT NULL AS revoked, {ENDS_AT} - {now} AS ends_in, {now} AS now
        FROM api_keys WHERE id = $1""",  # noqa: S608 - constants
        id,
    )
    return _record(convert(dict(rows[0]), _Row, strict=False)) if rows else None


async def touch(database: Database, ids: Collection[str], at: float) -> None:
    """Record that keys were last used then, unless a later use is recorded.

    Raises:
        Failure: the database cannot be asked.
    """
    await database.execute(
        f"""UPDATE api_keys SET last_used_at = $2
        WHERE id {_AMONG[database.dialect]} AND (last_used_at IS NULL OR last_used_at < $2)""",  # noqa: S608 - constants
        json.dumps(sorted(ids)),
        at,
    )


async def rehash(database: Database, change: Rehash) -> None:
    """Replace a hash, unless another gateway was quicker.

    Raises:
        Failure: the database cannot be asked.
    """
    await database.execute(
        "UPDATE api_keys SET hash = $3, hash_key = $4 WHERE id = $1 AND hash = $2",
        change.id,
        change.old,
        change.new,
        change.hash_key,
    )


def _record(row: _Row) -> Record:
    return Record(
        agent=row.agent,
        hash=row.hash,
        hash_key=row.hash_key,
        routes=words(row.routes),
        methods=words(row.methods),
        networks=tuple(map(ip_network, words(row.cidrs))),
        created_at=row.created_at,
        last_used_at=row.last_used_at,
        revoked=row.revoked,
        ends_in=row.ends_in,
        now=row.now,
    )
