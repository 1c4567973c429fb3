"""Every version of every tariff's price, so that an entry can be worked out again later.

Rows are added and never changed. Versions with a number were set in the database; others were the
configuration's.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from msgspec import Struct, convert

from caracal_core.errors import CaracalError
from caracal_core.ports import Database, Row
from caracal_core.storage.dialect import NOW

PAGE = 1000
AS_CONFIGURED = "null"
"""The terms of a version that leaves the tariff to the configuration."""

CONFIGURED = "yaml-"
"""Begins the names of the configuration's versions; a digest follows."""

_NUMBERED = "version NOT LIKE '%-%'"
_NEWEST = f"""
SELECT price.* FROM prices AS price
JOIN (SELECT max(id) AS id FROM prices WHERE {_NUMBERED} GROUP BY tariff) AS newest
  ON newest.id = price.id
"""  # noqa: S608 - constants
_ADD = f"""
INSERT INTO prices (tariff, version, terms, created_at)
SELECT CAST($1 AS TEXT), CAST(count(*) + 1 AS VARCHAR(32)), CAST($2 AS TEXT), {{now}}
FROM prices WHERE tariff = CAST($1 AS TEXT) AND {_NUMBERED}
ON CONFLICT (tariff, version) DO NOTHING
RETURNING *
"""  # noqa: S608 - constants
_RECORD = """
INSERT INTO prices (tariff, version, terms, created_at) VALUES ($1, $2, $3, {now})
ON CONFLICT (tariff, version) DO NOTHING
"""
_HISTORY = """
SELECT * FROM prices WHERE tariff = CAST($1 AS TEXT) AND id > $2 ORDER BY id LIMIT $3
"""
_DIGESTED = f"""
SELECT * FROM prices WHERE version LIKE '{CONFIGURED}%' AND id > $1 ORDER BY id LIMIT $2
"""  # noqa: S608 - constants
_ONE = "SELECT * FROM prices WHERE tariff = $1 AND version = $2"


class PriceError(CaracalError):
    """The price cannot be had as asked; the message says why and what to do."""


class PriceVersion(Struct, frozen=True):
    """One version.

    Attributes:
        id: grows with each version that is written down.
        tariff: the tariff's name.
        version: a number, or ``yaml-`` and a digest.
        terms: what it says, as JSON text; None leaves the tariff to the configuration.
        created_at: unix seconds by the database's clock.
    """

    id: int
    tariff: str
    version: str
    terms: str | None
    created_at: float


def configured(tariff: str, terms: str) -> str:
    """Return the name of a version of the configuration, which says what its terms are."""
    return CONFIGURED + hashlib.sha256(f"{tariff}\n{terms}".encode()).hexdigest()[:16]


async def add(database: Database, tariff: str, terms: str | None) -> PriceVersion:
    """Put a price into force, with the next number.

    Raises:
        PriceError: another price of the tariff was set at the same time.
        Failure: the database cannot be asked.
    """
    sql = _ADD.format(now=NOW[database.dialect])
    rows = await database.fetch(sql, tariff, AS_CONFIGURED if terms is None else terms)
    if not rows:
        raise PriceError(f"Another price of {tariff} was set at the same time; look and try again.")
    return _version(rows[0])


async def record(database: Database, tariff: str, version: str, terms: str) -> None:
    """Write a version of the configuration down, unless it is.

    Raises:
        Failure: the database cannot be asked.
    """
    await database.execute(_RECORD.format(now=NOW[database.dialect]), tariff, version, terms)


async def newest(database: Database) -> Sequence[PriceVersion]:
    """Return the newest version with a number of each tariff that has one.

    Raises:
        Failure: the database cannot be asked.
    """
    return [_version(row) for row in await database.fetch(_NEWEST)]


async def history(
    database: Database, tariff: str, *, after: int = 0, limit: int = PAGE
) -> Sequence[PriceVersion]:
    """Return a tariff's versions, the oldest first.

    Args:
        database: where they are.
        tariff: its name.
        after: return only those with a greater id.
        limit: return at most so many.
    """
    return [_version(row) for row in await database.fetch(_HISTORY, tariff, after, limit)]


async def find(database: Database, tariff: str, version: str) -> PriceVersion:
    """Return one version.

    Raises:
        PriceError: there is none of this name.
        Failure: the database cannot be asked.
    """
    rows = await database.fetch(_ONE, tariff, version)
    if not rows:
        raise PriceError(
            f"There is no version {version} of {tariff}; "
            f"`caracal prices history {tariff}` lists them."
        )
    return _version(rows[0])


async def false_version(database: Database) -> PriceVersion | None:
    """Return the first version of the configuration whose terms are not those of its name.

    Those with a number say nothing of their terms.

    Raises:
        Failure: the database cannot be asked.
    """
    after = 0
    while rows := await database.fetch(_DIGESTED, after, PAGE):
        for each in map(_version, rows):
            if each.version != configured(each.tariff, each.terms or AS_CONFIGURED):
                return each
            after = each.id
    return None


def _version(row: Row) -> PriceVersion:
    terms = None if row["terms"] == AS_CONFIGURED else row["terms"]
    return convert({**row, "terms": terms}, PriceVersion)
