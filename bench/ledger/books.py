"""The accounts of the cases, and books that are as large as wanted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from caracal_core.builtin.ledger.budgets import set_budget
from caracal_core.domain import Money
from caracal_core.ports import Database
from caracal_core.storage.accounts import register
from caracal_core.storage.dialect import NOW

MANY, IN_A_TEAM = 1000, 10
GROWTH = (1_000, 10_000, 100_000, 1_000_000)
PLENTY = Money(10**15, "USD")
STEP = 50_000
_COLUMNS = {
    "reservations": """
        INSERT INTO reservations (
            id, agent, accounts, route, request, currency, amount_micro, orphan, owner, windows,
            created_at, expires_at, state, posted_micro, cause, ended_at, basis
        )
        SELECT 'old-' || n, 'old', '[]', 'route', 'request', 'USD', 1, 'post', 'old', {none},
               {now}, {now}, 'posted', 1, 'reply', {now}, 'held'
        FROM ({numbers}) AS numbers
    """,
    "entries": """
        INSERT INTO entries (
            charge, kind, agent, route, request, currency, held_micro, amount_micro, cause,
            created_at, basis, price
        )
        SELECT 'old-' || n, 'posted', 'old', 'route', 'request', 'USD', 1, 1, 'reply', {now},
               'held', ''
        FROM ({numbers}) AS numbers
    """,
}
_WORDS = {
    "postgresql": {
        "none": "'{{}}'",
        "now": NOW["postgresql"],
        "numbers": "SELECT generate_series(CAST($1 AS INT), CAST($2 AS INT)) AS n",
    },
    "sqlite": {
        "none": "'[]'",
        "now": NOW["sqlite"],
        "numbers": "WITH RECURSIVE r(n) AS (SELECT $1 UNION ALL SELECT n + 1 FROM r WHERE n < $2)"
        " SELECT n FROM r",
    },
}


def paths() -> Mapping[str, Sequence[tuple[str, ...]]]:
    """Return the account paths of each case."""
    return {
        "1, depth 1": [("alone",)],
        "1, depth 3": [_below(0)],
        "1000, depth 1": [(f"single-{number}",) for number in range(MANY)],
        "1000, depth 3": [_below(number) for number in range(MANY)],
    }


async def enrol(database: Database) -> None:
    """Register all accounts, and give each a budget that lasts."""
    parents: dict[str, str | None] = {}
    for accounts in paths().values():
        for path in accounts:
            parents |= dict(zip(reversed(path), [None, *reversed(path[1:])], strict=True))
    for name, parent in parents.items():
        kind = "group" if name.startswith(("team", "org")) else "agent"
        await register(database, name, kind=kind, parent=parent)
        await set_budget(database, name, PLENTY, "day")


async def grow(database: Database, rows: int) -> None:
    """Fill the journal and the reservations up to so many rows that ended just now."""
    for table, text in _COLUMNS.items():
        (row,) = await database.fetch(f"SELECT count(*) AS n FROM {table}")  # noqa: S608 - ours
        there = int(str(row["n"]))
        statement = text.format(**_WORDS[database.dialect]).replace("{{}}", "{}")
        (old,) = await database.fetch(
            f"SELECT count(*) AS n FROM {table} WHERE agent = 'old'"  # noqa: S608 - ours
        )
        first, missing = int(str(old["n"])), rows - there
        for start in range(first, first + missing, STEP):
            await database.execute(statement, start, min(start + STEP, first + missing) - 1)


def _below(number: int) -> tuple[str, ...]:
    return (f"agent-{number}", f"team-{number // IN_A_TEAM}", "org")
