"""A batch on SQLite, in the writer's thread: read what it names, decide, write what changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

import msgspec

from caracal_core.builtin.ledger.settling import End
from caracal_core.builtin.ledger.sqlite_books import Books, Counter, Path, Record
from caracal_core.builtin.ledger.sqlite_keys import Keys
from caracal_core.builtin.ledger.statement import Statement, array
from caracal_core.builtin.ledger.verdict import Verdict, Waits
from caracal_core.domain import Charge
from caracal_core.ports import Row, Statements


def _columns(names: str) -> str:
    """Return SQL that takes the columns of a table from the arrays in the JSON array $1."""
    values = (f"json_extract(value, '$[{number}]')" for number, _ in enumerate(names.split(",")))
    return f"SELECT {', '.join(values)}"


_HELD = (
    "id, agent, accounts, route, request, currency, amount_micro, orphan, owner, windows,"
    " created_at, expires_at, price, charge, state, posted_micro, cause, basis"
)
_REMEMBERED = (
    "id, state, posted_micro, currency, cause, basis, agent, accounts, route, request, price,"
    " amount_micro, orphan, owner, windows"
)
_ENTERED = (
    "charge, kind, agent, route, request, currency, held_micro, amount_micro, cause, basis, price"
)
_NOW = Statement("SELECT {now} AS now")["sqlite"]
_RECORDS = Statement("""
SELECT id, agent, accounts, route, request, currency, amount_micro, orphan, windows, expires_at,
       price, charge, state, posted_micro, cause, basis, adjusted
FROM reservations WHERE id {among:$1 TEXT}
""")["sqlite"]
_PATHS = Statement("""
WITH {starts}
SELECT a.name, b.currency, b.period, w.id, w.limit_micro, w.spent_micro, w.held_micro,
       w.excess_micro
FROM accounts AS a
JOIN budgets AS b ON b.account_id = a.id
LEFT JOIN budget_windows AS w ON w.budget_id = b.id
    AND w.starts_at = (SELECT s.starts_at FROM starts AS s WHERE s.period = b.period)
WHERE a.name {among:$2 TEXT}
""")["sqlite"]
_WINDOWS = Statement("""
SELECT id, limit_micro, spent_micro, held_micro, excess_micro
FROM budget_windows WHERE id {among:$1 BIGINT}
""")["sqlite"]
_KEYS = """
SELECT k.agent, k.key, k.charge, k.fingerprint, r.state, COALESCE(r.adjusted, 0) AS adjusted
FROM json_each($1) AS named
JOIN idempotency_keys AS k ON k.agent = json_extract(named.value, '$[0]')
    AND k.key = json_extract(named.value, '$[1]')
LEFT JOIN reservations AS r ON r.id = k.attempt
"""
_HOLD = f"INSERT INTO reservations ({_HELD}) {_columns(_HELD)} FROM json_each($1)"
_REMEMBER = f"""
INSERT INTO reservations ({_REMEMBERED}, created_at, expires_at, ended_at)
{_columns(_REMEMBERED)}, $2, $2, $2 FROM json_each($1)
"""
_END = """
UPDATE reservations SET
    state = json_extract(ended.value, '$[1]'), posted_micro = json_extract(ended.value, '$[2]'),
    cause = json_extract(ended.value, '$[3]'), basis = json_extract(ended.value, '$[4]'),
    ended_at = $2
FROM json_each($1) AS ended WHERE reservations.id = json_extract(ended.value, '$[0]')
"""
_ADJUST = Statement("UPDATE reservations SET adjusted = 1 WHERE id {among:$1 TEXT}")["sqlite"]
_ENTER = f"""
INSERT INTO entries ({_ENTERED}, created_at) {_columns(_ENTERED)}, $2 FROM json_each($1)
"""
_MOVE = """
UPDATE budget_windows SET
    spent_micro = json_extract(moved.value, '$[1]'),
    held_micro = json_extract(moved.value, '$[2]'),
    excess_micro = json_extract(moved.value, '$[3]')
FROM json_each($1) AS moved WHERE budget_windows.id = json_extract(moved.value, '$[0]')
"""
_TAKE = """
INSERT INTO idempotency_keys (agent, key, charge, fingerprint, attempt, touched_at)
SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]'), json_extract(value, '$[2]'),
       json_extract(value, '$[3]'), json_extract(value, '$[4]'), $2
FROM json_each($1) WHERE TRUE
ON CONFLICT (agent, key) DO UPDATE SET
    attempt = excluded.attempt, touched_at = excluded.touched_at
"""


async def write_sqlite(
    tx: Statements, owner: str, reserves: Sequence[Charge], ends: Sequence[End], at: float | None
) -> Sequence[Verdict | Waits]:
    """Write a batch in the transaction that was begun; see `writing.write`."""
    books = await _read(tx, owner, reserves, ends, at)
    held = [books.reserve(charge) for charge in reserves]
    settled = books.settle(ends)
    await _save(tx, books)
    return [*held, *(settled[end.id] for end in ends)]


async def _read(
    tx: Statements, owner: str, reserves: Sequence[Charge], ends: Sequence[End], at: float | None
) -> Books:
    (clock,) = await tx.fetch(_NOW, at)
    ids = array([*(charge.id for charge in reserves), *(end.id for end in ends)])
    records: dict[str, Record] = {
        cast(str, row["id"]): {**row, "windows": msgspec.json.decode(cast(str, row["windows"]))}
        for row in await tx.fetch(_RECORDS, ids)
    }
    counters: dict[int, Counter] = {}
    paths = await _paths(tx, reserves, at, counters)
    of_records = {window for record in records.values() for window in record["windows"]}
    if missing := of_records - counters.keys():
        for row in await tx.fetch(_WINDOWS, array(missing)):
            counter = _counter(row)
            counters[counter.id] = counter
    keys = await _keys(tx, reserves)
    return Books(cast(float, clock["now"]), owner, records, counters, paths, keys)


async def _paths(
    tx: Statements, reserves: Sequence[Charge], at: float | None, counters: dict[int, Counter]
) -> Mapping[tuple[tuple[str, ...], str], Path]:
    """Read the budgets of the distinct account paths; their windows go into the counters."""
    wanted = {(charge.accounts, charge.amount.currency) for charge in reserves}
    if not wanted:
        return {}
    names = array({name for accounts, _ in wanted for name in accounts})
    budgets: dict[tuple[str, str], list[tuple[str, str, Counter | None]]] = {}
    for row in await tx.fetch(_PATHS, at, names):
        counter = None if row["id"] is None else _counter(row)
        if counter is not None:
            counters[counter.id] = counter
        name, currency = cast(str, row["name"]), cast(str, row["currency"])
        budget = (name, cast(str, row["period"]), counter)
        budgets.setdefault((name, currency), []).append(budget)
    return {
        (accounts, currency): [
            budget
            for name in dict.fromkeys(accounts)
            for budget in budgets.get((name, currency), ())
        ]
        for accounts, currency in wanted
    }


async def _keys(tx: Statements, reserves: Sequence[Charge]) -> Keys:
    named = [(charge.agent, charge.key) for charge in reserves if charge.key is not None]
    rows = await tx.fetch(_KEYS, _json(named)) if named else ()
    return Keys({(cast(str, row["agent"]), cast(str, row["key"])): row for row in rows})


async def _save(tx: Statements, books: Books) -> None:
    """Write what was decided; what did not happen costs nothing."""
    if books.held:
        await tx.execute(_HOLD, _json(_rows(books.held, _HELD, state="pending")))
    if books.remembered:
        await tx.execute(_REMEMBER, _json(_rows(books.remembered, _REMEMBERED)), books.now)
    if books.ended:
        ended = _rows(books.ended, "id, state, posted_micro, cause, basis")
        await tx.execute(_END, _json(ended), books.now)
    if books.adjusted:
        await tx.execute(_ADJUST, _json(books.adjusted))
    if books.entries:
        await tx.execute(_ENTER, _json(books.entries), books.now)
    if books.moved:
        moved = [(each.id, each.spent, each.held, each.excess) for each in books.moved.values()]
        await tx.execute(_MOVE, _json(moved))
    if books.keys.taken:
        await tx.execute(_TAKE, _json(books.keys.taken), books.now)


_ABSENT: Mapping[str, object] = {"accounts": "[]", "orphan": "void", "owner": ""}
"""What a remembered reservation has in the columns of which nothing is known."""


def _rows(records: Sequence[Record], columns: str, **fixed: Any) -> Sequence[Sequence[object]]:
    """Return the records' columns; one that ended in the batch that held it ends afterwards."""
    names = [name.strip() for name in columns.split(",")]
    if fixed:
        fixed = {"state": "pending", "posted_micro": 0, "cause": None, "basis": ""}
    return [
        [
            fixed[name] if name in fixed
            else array(record[name]) if name == "windows"
            else record[name] if name in record else _ABSENT[name]
            for name in names
        ]
        for record in records
    ]  # fmt: skip


def _counter(row: Row) -> Counter:
    names = ("id", "limit_micro", "spent_micro", "held_micro", "excess_micro")
    return Counter(*(cast(int, row[name]) for name in names))


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()
