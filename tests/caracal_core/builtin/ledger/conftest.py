"""Books to test with, and what must hold of them at every commit."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager

import msgspec
import pytest

from caracal_core.builtin.ledger import retry
from caracal_core.builtin.ledger.budgets import set_budget
from caracal_core.builtin.ledger.settling import End
from caracal_core.builtin.ledger.statement import Statement
from caracal_core.builtin.ledger.writing import reserve, settle
from caracal_core.domain import Money
from caracal_core.storage import accounts
from caracal_core.storage.database import open_database
from caracal_core.testing.fakes import a_charge, usd

from .clerk import Clerk

MIDNIGHT = 1_795_392_000.0
"""2026-11-23T00:00:00Z."""

HELD_IS_THE_SUM_OF_OPEN_HOLDS = Statement("""
SELECT w.id, w.held_micro, COALESCE(sum(open.amount_micro), 0) AS expected
FROM budget_windows AS w
LEFT JOIN (
    SELECT r.amount_micro, CAST(held_in.value AS BIGINT) AS window_id
    FROM reservations AS r CROSS JOIN {held_in}
    WHERE r.state = 'pending'
) AS open ON open.window_id = w.id
GROUP BY w.id, w.held_micro
HAVING w.held_micro <> COALESCE(sum(open.amount_micro), 0)
""")
SPENT_IS_THE_SUM_OF_ENTRIES = Statement("""
SELECT w.id, w.spent_micro, COALESCE(sum(spent.amount_micro), 0) AS expected
FROM budget_windows AS w
LEFT JOIN (
    SELECT e.amount_micro, CAST(held_in.value AS BIGINT) AS window_id
    FROM entries AS e JOIN reservations AS r ON COALESCE(r.charge, r.id) = e.charge
        AND (e.kind = r.state OR (e.kind = 'adjustment' AND r.adjusted))
    CROSS JOIN {held_in}
) AS spent ON spent.window_id = w.id
GROUP BY w.id, w.spent_micro
HAVING w.spent_micro <> COALESCE(sum(spent.amount_micro), 0)
""")
WITHIN_THE_LIMIT = Statement("""
SELECT id FROM budget_windows WHERE spent_micro + held_micro > limit_micro + excess_micro
""")
EACH_END_HAS_ITS_ENTRY = Statement("""
SELECT r.id FROM reservations AS r
LEFT JOIN entries AS e ON e.charge = COALESCE(r.charge, r.id) AND e.kind = r.state
WHERE r.state <> 'pending' AND r.agent <> '' AND e.id IS NULL
""")
INVARIANTS = (
    HELD_IS_THE_SUM_OF_OPEN_HOLDS,
    SPENT_IS_THE_SUM_OF_ENTRIES,
    WITHIN_THE_LIMIT,
    EACH_END_HAS_ITS_ENTRY,
)


async def unbalanced(database):
    """Return what is wrong with the books: the rows that break an invariant."""
    return [row for each in INVARIANTS for row in await database.fetch(each[database.dialect])]


async def fund_account(database, account, limit, parent=None, period="total"):
    """Make the account if there is none, and give it a budget."""
    if not await accounts.path(database, account):
        await accounts.register(database, account, parent=parent)
    await set_budget(database, account, limit, period)


class BalancedBooks:
    """For tests that open their own databases."""

    fund = staticmethod(fund_account)
    wrong = staticmethod(unbalanced)


@pytest.fixture
def balanced_books():
    return BalancedBooks


@pytest.fixture
async def balanced(database):
    """Ask whether the books balance: ``assert await balanced()``."""

    async def ask():
        assert await unbalanced(database) == []
        return True

    return ask


@pytest.fixture
async def give_budget(database):
    """Make accounts with budgets, as the contract of ledgers wants it."""

    async def give(account, limit, parent=None, period="total"):
        await fund_account(database, account, limit, parent, period)

    return give


@pytest.fixture
async def counts(database):
    """Read the counters of an account's windows: ``(spent, held, excess)`` by window start."""

    async def read(account):
        rows = await database.fetch(
            """SELECT w.starts_at, w.spent_micro, w.held_micro, w.excess_micro
            FROM budget_windows w JOIN budgets b ON b.id = w.budget_id
            JOIN accounts a ON a.id = b.account_id WHERE a.name = $1 ORDER BY w.starts_at, w.id""",
            account,
        )
        return [(row["spent_micro"], row["held_micro"], row["excess_micro"]) for row in rows]

    return read


@pytest.fixture
async def spend(database, give_budget):
    """Hold and post (None voids, False leaves it pending) for an agent."""
    for account in ("alice", "bob"):
        await give_budget(account, usd("100"))
        await give_budget(account, Money.parse("100", "EUR"))

    async def spend(agent, cost, at=MIDNIGHT, route="chat", currency="USD", held="1"):
        charge = msgspec.structs.replace(a_charge(Money.parse(held, currency), agent), route=route)
        await reserve(database, charge, "owner", at)
        if cost is not False:
            amount = None if cost is None else Money.parse(cost, currency)
            await settle(database, End(charge.id, "reply", amount), at)
        return charge

    return spend


@pytest.fixture
def quick(monkeypatch):
    """No pause between two tries is noticeable."""
    monkeypatch.setattr(retry, "FIRST_PAUSE_SECONDS", 0.0001)
    monkeypatch.setattr(retry, "LONGEST_PAUSE_SECONDS", 0.001)


@pytest.fixture
async def clerk(store, metrics):
    """Who puts works in over a test's own store, and hears of them."""
    clerk = Clerk(store, metrics)
    yield clerk
    await clerk.commits.close()


@pytest.fixture
def keep(postgres_config):
    """Keep rows locked in another session, while the context is open."""

    @asynccontextmanager
    async def keep(sql, argument):
        locked, leave = asyncio.Event(), asyncio.Event()

        async def hold(tx):
            assert await tx.fetch(sql, argument)
            locked.set()
            await leave.wait()

        async with open_database(postgres_config) as other:
            keeping = asyncio.create_task(other.transact(hold))
            await asyncio.wait(
                [keeping, asyncio.create_task(locked.wait())], return_when="FIRST_COMPLETED"
            )
            try:
                yield
            finally:
                leave.set()
                await keeping

    return keep
