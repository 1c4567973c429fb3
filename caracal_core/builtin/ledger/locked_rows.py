"""What touches a row that another session keeps locked is put off, and all else is written.

Whoever waits for a lock gives up after a second (`lock_timeout`). Then it is looked which rows are
locked, and until whoever has locked these lets go, nothing that touches them waits for them again.
A row that many use is locked nearly always, each time by another: there one stands in line, as
ever. SQLite locks no rows.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Awaitable, Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import suppress
from types import MappingProxyType
from typing import cast

from caracal_core.builtin.ledger.errors import PutOff, kept_locked
from caracal_core.builtin.ledger.settling import End
from caracal_core.builtin.ledger.statement import Statement, array
from caracal_core.builtin.ledger.verdict import Verdict
from caracal_core.domain import Charge
from caracal_core.errors import Failure
from caracal_core.ports import Database
from caracal_core.storage.errors import Locked

log = logging.getLogger(__name__)

Write = Callable[[Sequence[Charge], Sequence[End]], Awaitable[Sequence[Verdict]]]
Named = tuple[str, str]
"""A row: its table's name, and its id; an idempotency key's is the JSON array of agent and key."""

TRIES = 3
"""How often a batch is begun: what is locked is seen at once, however many rows it is."""
LOOK_SECONDS = 0.1
"""So long a row is taken to be as locked as it was."""
_NAMED = 5

# A window that is not open yet needs its budget.
_NEEDED = Statement("""
WITH {starts}
SELECT a.name, b.currency, CASE WHEN w.id IS NULL THEN 'budgets' ELSE 'budget_windows' END AS part,
       CAST(COALESCE(w.id, b.id) AS TEXT) AS id
FROM accounts AS a
JOIN budgets AS b ON b.account_id = a.id
LEFT JOIN budget_windows AS w ON w.budget_id = b.id
    AND w.starts_at = (SELECT s.starts_at FROM starts AS s WHERE s.period = b.period)
WHERE a.name {among:$2 TEXT}
""")["postgresql"]
_HELD = Statement("SELECT id, windows FROM reservations WHERE id {among:$1 TEXT}")["postgresql"]
# A row that is not there any more is not locked: both looks at it are by one snapshot. Its xmax
# names the transaction that has it.
_LOCKED: Mapping[str, str] = MappingProxyType(
    {
        table: Statement(text)["postgresql"]
        for table, text in {
            "budgets": """
        WITH free AS (SELECT id FROM budgets WHERE id {among:$1 BIGINT} FOR SHARE SKIP LOCKED)
        SELECT CAST(id AS TEXT) AS id, CAST(xmax AS TEXT) AS by FROM budgets
        WHERE id {among:$1 BIGINT} AND id NOT IN (SELECT id FROM free)
    """,
            "budget_windows": """
        WITH free AS (SELECT id FROM budget_windows WHERE id {among:$1 BIGINT} {skip_locked})
        SELECT CAST(id AS TEXT) AS id, CAST(xmax AS TEXT) AS by FROM budget_windows
        WHERE id {among:$1 BIGINT} AND id NOT IN (SELECT id FROM free)
    """,
            "reservations": """
        WITH free AS (SELECT id FROM reservations WHERE id {among:$1 TEXT} {skip_locked})
        SELECT id, CAST(xmax AS TEXT) AS by FROM reservations
        WHERE id {among:$1 TEXT} AND id NOT IN (SELECT id FROM free)
    """,
            "idempotency_keys": """
        WITH asked AS (
            SELECT value AS id, CAST(value AS JSON) ->> 0 AS agent, CAST(value AS JSON) ->> 1 AS key
            FROM json_array_elements_text($1)
        ), free AS (
            SELECT k.agent, k.key FROM asked
            JOIN idempotency_keys AS k ON k.agent = asked.agent AND k.key = asked.key
            FOR UPDATE OF k SKIP LOCKED
        )
        SELECT asked.id, CAST(k.xmax AS TEXT) AS by FROM asked
        JOIN idempotency_keys AS k ON k.agent = asked.agent AND k.key = asked.key
        WHERE (asked.agent, asked.key) NOT IN (SELECT agent, key FROM free)
    """,
        }.items()
    }
)


class LockedRows:
    """Knows which rows others keep locked; there are as many as waiting for them has told.

    Args:
        database: where the rows are.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: Mapping[Named, str] = MappingProxyType({})
        self._looked_at = -math.inf

    async def write(
        self, reserves: Sequence[Charge], ends: Sequence[End], write: Write
    ) -> Sequence[Verdict]:
        """Write what touches no locked row; of the rest nothing is done, and its verdict says so.

        Args:
            reserves: what to hold.
            ends: how to end which reservation.
            write: writes a batch; it raises `Locked` where it waited in vain and did nothing.

        Raises:
            Failure: nothing is known of any; asking again is safe.
        """
        tries = 0
        while True:
            stuck = await self._stuck(reserves, ends)
            charges = [each for each in reserves if each.id not in stuck] if stuck else reserves
            others = [each for each in ends if each.id not in stuck] if stuck else ends
            try:
                written = await write(charges, others) if charges or others else ()
            except Locked:
                tries += 1
                await self._learn(charges, others)
                if len(charges) + len(others) == 1:
                    written = [kept_locked()]
                elif tries < TRIES:
                    continue
                else:
                    raise
            else:
                if any(isinstance(verdict, PutOff) for verdict in written):
                    with suppress(Failure):  # what was written is known all the same
                        await self._learn(charges, others)
            if not stuck:
                return written
            verdicts = iter(written)
            ids = [*(charge.id for charge in reserves), *(end.id for end in ends)]
            return [kept_locked() if each in stuck else next(verdicts) for each in ids]

    async def _stuck(self, reserves: Sequence[Charge], ends: Sequence[End]) -> frozenset[str]:
        """Return the ids of all that touches a row which is still locked."""
        if not self._known:
            return frozenset()
        now = asyncio.get_running_loop().time()
        if now - self._looked_at >= LOOK_SECONDS:
            locked = await self._locked(self._known.keys())
            self._known = {row: by for row, by in locked.items() if by == self._known[row]}
            self._looked_at = now
            if not self._known:
                log.warning("no row of the ledger is kept locked any more")
                return frozenset()
        touched = await self._touched(reserves, ends)
        return frozenset(each for each, rows in touched.items() if not rows.isdisjoint(self._known))

    async def _learn(self, reserves: Sequence[Charge], ends: Sequence[End]) -> None:
        """Learn which rows kept these waiting."""
        touched = await self._touched(reserves, ends)
        found = await self._locked(set().union(*touched.values()))
        if new := found.keys() - self._known.keys():
            log.warning(
                "another session keeps %d rows of the ledger locked, such as %s: what needs them "
                "is put off; pg_locks and pg_stat_activity show the session",
                len(new),
                ", ".join(map(_said, sorted(new)[:_NAMED])),
            )
        self._known = {**self._known, **found}
        self._looked_at = asyncio.get_running_loop().time()

    async def _touched(
        self, reserves: Sequence[Charge], ends: Sequence[End]
    ) -> Mapping[str, set[Named]]:
        """Return the rows that each needs, by its id."""
        ids = {*(charge.id for charge in reserves), *(end.id for end in ends)}
        touched: dict[str, set[Named]] = {each: {("reservations", each)} for each in ids}
        for row in await self._database.fetch(_HELD, array(touched)):
            windows = cast(list[int], row["windows"])
            touched[cast(str, row["id"])].update(("budget_windows", str(each)) for each in windows)
        needed = await self._needed({name for charge in reserves for name in charge.accounts})
        for charge in reserves:
            for name in charge.accounts:
                touched[charge.id] |= needed.get((name, charge.amount.currency), set())
            if charge.key is not None:
                touched[charge.id].add(("idempotency_keys", array((charge.agent, charge.key))))
        return touched

    async def _needed(self, accounts: AbstractSet[str]) -> Mapping[tuple[str, str], set[Named]]:
        """Return what a charge to accounts needs now, by account and currency."""
        needed: dict[tuple[str, str], set[Named]] = {}
        for row in await self._database.fetch(_NEEDED, None, array(accounts)) if accounts else ():
            account = (cast(str, row["name"]), cast(str, row["currency"]))
            needed.setdefault(account, set()).add((cast(str, row["part"]), cast(str, row["id"])))
        return needed

    async def _locked(self, rows: AbstractSet[Named]) -> Mapping[Named, str]:
        """Return those that are locked now, and by which transaction; nobody is waited for."""
        found: dict[Named, str] = {}
        for table, sql in _LOCKED.items():
            ids = [each for of, each in rows if of == table]
            locked = await self._database.fetch(sql, array(ids)) if ids else ()
            found.update({(table, cast(str, row["id"])): cast(str, row["by"]) for row in locked})
        return found


def _said(row: Named) -> str:
    """Return what the log may say of a row; a client's key is the client's own."""
    table, name = row
    return table if table == "idempotency_keys" else f"{table} {name}"
