"""The real books, asked as the desk and the operators ask them, in the words of the model."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

import msgspec

from caracal_core.builtin.ledger import budgets, expiry
from caracal_core.builtin.ledger.charges import release
from caracal_core.builtin.ledger.errors import Conflict, LedgerError
from caracal_core.builtin.ledger.purge import purge
from caracal_core.builtin.ledger.settling import Settlement
from caracal_core.builtin.ledger.writing import write
from caracal_core.domain import Money, Reservation
from caracal_core.errors import BudgetExceeded, IdempotencyConflict
from caracal_core.storage import accounts
from caracal_core.storage.database import open_database

FAR = 5e9
"""An instant after every expiry, in unix seconds."""
WINDOWS = """
SELECT a.name, b.currency, b.period, w.starts_at, w.limit_micro, w.spent_micro, w.held_micro,
       w.excess_micro
FROM budget_windows AS w
JOIN budgets AS b ON b.id = w.budget_id JOIN accounts AS a ON a.id = b.account_id
"""
RESERVATIONS = """
SELECT id, COALESCE(charge, id) AS charge, agent, accounts, route, request, currency, amount_micro,
       orphan, owner, created_at, expires_at, price, state, posted_micro, cause, basis, adjusted
FROM reservations WHERE id LIKE $1
"""
KEYS = "SELECT agent, key, charge, fingerprint, attempt, touched_at FROM idempotency_keys"
ENTRIES = """
SELECT id, charge, kind, agent, route, request, currency, held_micro, amount_micro, cause, basis,
       price
FROM entries WHERE id > $1 ORDER BY id
"""


class Books:
    """A ledger's store in a database of its own; every verb is a plain call.

    Args:
        config: which database; it is migrated.
        names: the accounts that there are.
    """

    def __init__(self, config, names):
        self._config = config
        self._runner = asyncio.Runner()
        self._stack = AsyncExitStack()
        self._last_entry = 0
        self._run(self._open())
        for name in names:
            self._run(accounts.register(self._database, name))

    @property
    def dialect(self):
        return self._database.dialect

    def _run(self, coroutine):
        return self._runner.run(coroutine)

    async def _open(self):
        self._database = await self._stack.enter_async_context(open_database(self._config))

    def reopen(self):
        """Close the database, as a process does that ends, and open it again."""
        self._run(self._stack.aclose())
        self._run(self._open())

    def close(self):
        self._run(self._stack.aclose())
        self._runner.close()

    def clear(self):
        """End all holds, and take the budgets, keys and reservations away: the journal stays."""
        while self.resolve("nobody", 1000, 1.0, FAR):
            pass
        for table in ("budgets", "idempotency_keys", "reservations"):
            self._run(self._database.execute(f"DELETE FROM {table}"))  # noqa: S608 - our own names
        self.news()

    def set_budget(self, budget, limit, at):
        account, currency, period = budget
        self._run(budgets.set_budget(self._database, account, Money(limit, currency), period, at))

    def remove_budget(self, budget):
        self._run(budgets.remove_budget(self._database, *budget))

    def write(self, owner, reserves, ends, at):
        verdicts = self._run(write(self._database, owner, reserves, ends, at))
        return [_said(verdict) for verdict in verdicts]

    def release(self, id, ending):
        try:
            return self._run(release(self._database, id, ending)).micro
        except LedgerError:
            return None

    def renew(self, owner, seconds, longest, at):
        return self._run(expiry.renew(self._database, owner, seconds, longest, at))

    def resolve(self, owner, most, longest, at):
        found = self._run(expiry.resolve(self._database, owner, most, longest, at))
        return [(each.id, each.state, each.cause) for each in found]

    def purge(self, seconds, at):
        self._run(purge(self._database, seconds, at))

    def windows(self):
        """Return (limit, spent, held, excess) of each window."""
        rows = self._run(self._database.fetch(WINDOWS))
        return {tuple(row.values())[:4]: tuple(row.values())[4:] for row in rows}

    def reservations(self, prefix):
        rows = self._run(self._database.fetch(RESERVATIONS, f"{prefix}%"))
        return {row["id"]: _plain(row) for row in rows}

    def keys(self):
        rows = self._run(self._database.fetch(KEYS))
        return {tuple(row.values())[:2]: tuple(row.values())[2:] for row in rows}

    def news(self):
        """Return the lines of the journal since the last time, in no order."""
        rows = self._run(self._database.fetch(ENTRIES, self._last_entry))
        if rows:
            self._last_entry = rows[-1]["id"]
        return sorted(tuple(row.values())[1:] for row in rows)


def _plain(row):
    """Return a reservation's columns as the model says them."""
    accounts_ = tuple(msgspec.json.decode(row["accounts"]))
    return tuple((row | {"accounts": accounts_, "adjusted": bool(row["adjusted"])}).values())


def _said(verdict):
    match verdict:
        case Reservation():
            return ("held", verdict.id, verdict.amount, verdict.expires_at)
        case Settlement():
            receipt = verdict.receipt
            micro, currency = receipt.amount.micro, receipt.amount.currency
            how = (receipt.id, receipt.state, micro, currency, receipt.cause)
            return (verdict.news, verdict.overrun, *how)
        case BudgetExceeded():
            left = verdict.available
            return ("short", verdict.account, verdict.window, left.micro if left else None)
        case IdempotencyConflict():
            return (verdict.code, verdict.charge)
        case Conflict():
            return ("conflict",)
        case _:
            return ("failed", repr(verdict))
