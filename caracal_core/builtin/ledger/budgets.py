"""Limits: how much an account may spend in each calendar window."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, cast

from msgspec import Struct

from caracal_core.builtin.ledger.collisions import again
from caracal_core.builtin.ledger.errors import LedgerError
from caracal_core.builtin.ledger.statement import Statement
from caracal_core.domain import Money
from caracal_core.domain.money import LARGEST
from caracal_core.ports import Database, Row, Statements
from caracal_core.storage.accounts import unknown

Period = Literal["hour", "day", "week", "month", "total"]

_SET = """
INSERT INTO budgets (account_id, period, currency, limit_micro)
SELECT id, $2, $3, $4 FROM accounts WHERE name = $1
ON CONFLICT (account_id, currency, period) DO UPDATE SET limit_micro = excluded.limit_micro
RETURNING id
"""
# What is spent and held stays, so a limit below it raises the excess; reserves test the limit.
_SET_CURRENT = Statement("""
WITH {starts}
UPDATE budget_windows SET
    limit_micro = $4, excess_micro = {greatest}(0, spent_micro - $4 + held_micro)
WHERE budget_id = $2 AND starts_at = (SELECT starts_at FROM starts WHERE period = $3)
""")
_LIST = Statement("""
WITH {starts}
SELECT a.name AS account, b.period, b.currency, b.limit_micro,
       COALESCE(w.spent_micro, 0) AS spent_micro, COALESCE(w.held_micro, 0) AS held_micro
FROM accounts AS a
JOIN budgets AS b ON b.account_id = a.id
LEFT JOIN budget_windows AS w ON w.budget_id = b.id
    AND w.starts_at = (SELECT s.starts_at FROM starts AS s WHERE s.period = b.period)
WHERE CAST($2 AS TEXT) IS NULL OR a.name = $2
ORDER BY a.name, b.currency, b.id
LIMIT $3
""")
# The budget first, then its windows, as whoever sets a limit or opens a window does.
_FIND = Statement("""
SELECT b.id, a.name AS account, b.period, b.currency, b.limit_micro
FROM accounts AS a JOIN budgets AS b ON b.account_id = a.id
WHERE a.name = $1 AND b.currency = $2 AND b.period = $3 {for_update_of_b}
""")
_LOCK = Statement("SELECT id FROM budget_windows WHERE budget_id = $1 ORDER BY id {for_update}")
_CURRENT = Statement("""
WITH {starts}
SELECT spent_micro, held_micro FROM budget_windows
WHERE budget_id = $2 AND starts_at = (SELECT starts_at FROM starts WHERE period = $3)
""")
_REMOVE = "DELETE FROM budgets WHERE id = $1"


class Budget(Struct, frozen=True):
    """A limit, and how its current window stands.

    Attributes:
        account: name of the account.
        period: how long its windows are.
        limit: what fits into a window.
        spent: what was posted in the current one.
        held: what is held in it.
    """

    account: str
    period: Period
    limit: Money
    spent: Money
    held: Money

    @property
    def saturated(self) -> bool:
        """Whether the window counts no further, so that ``spent`` may be more than it says."""
        return self.spent.micro + self.held.micro >= LARGEST

    @property
    def available(self) -> Money:
        """What the next hold may be."""
        left = self.limit.micro - self.spent.micro - self.held.micro
        return Money(max(left, 0), self.limit.currency)


async def set_budget(
    database: Database, account: str, limit: Money, period: Period, at: float | None = None
) -> bool:
    """Give an account a budget, or change its limit from the current window on.

    A new budget counts what is held from then on: nothing of before, not even in its window.

    Args:
        database: where the budgets are.
        account: name of the account.
        limit: what fits into each window. It may be less than what is spent and held already,
            which stays; nothing more is then held.
        period: how long the windows are.
        at: the instant, in unix seconds; None is now by the database's clock.

    Returns:
        Whether the budget is new.

    Raises:
        AccountError: there is no such account.
        Failure: the database cannot be asked.
    """

    async def change(tx: Statements) -> bool:
        known = await tx.fetch(_FIND[database.dialect], account, limit.currency, period)
        rows = await tx.fetch(_SET, account, period, limit.currency, limit.micro)
        if not rows:
            raise unknown(account)
        current = _SET_CURRENT[database.dialect]
        await tx.execute(current, at, rows[0]["id"], period, limit.micro)
        return not known

    return await again(lambda: database.transact(change))


async def budgets(
    database: Database, account: str | None = None, *, limit: int, at: float | None = None
) -> Sequence[Budget]:
    """Return budgets by account.

    Args:
        database: where they are.
        account: only this account's.
        limit: return at most so many.
        at: the instant, in unix seconds; None is now by the database's clock.
    """
    rows = await database.fetch(_LIST[database.dialect], at, account, limit)
    return [_budget(row) for row in rows]


async def remove_budget(
    database: Database, account: str, currency: str, period: Period, at: float | None = None
) -> Budget:
    """Remove a budget with the counts of its windows; the journal stays.

    Holds stay in the windows of other budgets, and end as if this one had never been.

    Args:
        database: where the budgets are.
        account: name of the account.
        currency: of the budget.
        period: how long its windows are.
        at: the instant, in unix seconds; None is now by the database's clock.

    Returns:
        The budget as it stood: what was spent and held in its current window is forgotten.

    Raises:
        LedgerError: there is none.
        Failure: the database cannot be asked.
    """

    async def remove(tx: Statements) -> Budget:
        rows = await tx.fetch(_FIND[database.dialect], account, currency, period)
        if not rows:
            raise LedgerError(f"{account!r} has no budget in {currency} per {period}.")
        budget = rows[0]["id"]
        await tx.fetch(_LOCK[database.dialect], budget)
        current = await tx.fetch(_CURRENT[database.dialect], at, budget, period)
        await tx.execute(_REMOVE, budget)
        counts = current[0] if current else {"spent_micro": 0, "held_micro": 0}
        return _budget({**rows[0], **counts})

    return await again(lambda: database.transact(remove))


def _budget(row: Row) -> Budget:
    def money(name: str) -> Money:
        return Money(cast(int, row[f"{name}_micro"]), cast(str, row["currency"]))

    account, period = cast(str, row["account"]), cast(Period, row["period"])
    return Budget(account, period, money("limit"), money("spent"), money("held"))
