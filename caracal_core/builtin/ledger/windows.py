"""The calendar windows that a charge must fit."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import cast

from msgspec import Struct

from caracal_core.builtin.ledger.collisions import again
from caracal_core.builtin.ledger.statement import Statement, array
from caracal_core.domain import Charge, Money
from caracal_core.errors import BudgetExceeded
from caracal_core.ports import Database, Statements

# Everybody locks in the order of the ids, so that nobody waits in a circle.
_LOCK = "SELECT id FROM budget_windows WHERE id = ANY($1::BIGINT[]) ORDER BY id FOR UPDATE"
# The lock keeps a limit that is being changed from being copied as it was before.
_OPEN = Statement("""
INSERT INTO budget_windows (budget_id, starts_at, limit_micro)
WITH {starts}, {path}
SELECT b.id, p.starts_at, b.limit_micro
FROM path AS p JOIN budgets AS b ON b.id = p.budget_id
WHERE TRUE
ORDER BY b.id {for_share_of_b}
ON CONFLICT (budget_id, starts_at) DO NOTHING
""")


class Window(Struct, frozen=True):
    """A budget's current window as it stands.

    Attributes:
        id: its row.
        account: name of the account whose budget it is.
        period: ``hour``, ``day``, ``week``, ``month`` or ``total``.
        left: micro-units neither spent nor held; below zero after an overrun.
    """

    id: int
    account: str
    period: str
    left: int


async def open_windows(
    database: Database, accounts: Sequence[str], currency: str, at: float | None
) -> int:
    """Open the current windows of these accounts' budgets that are not; return how many.

    It is a transaction of its own: nobody waits for another's new window with locks in hand.
    """
    sql, names = _OPEN[database.dialect], array(accounts)
    return await again(lambda: database.execute(sql, at, names, currency))


async def lock(tx: Statements, ids: Iterable[int]) -> None:
    """Lock these windows before they are changed; SQLite's transaction has locked them all."""
    await tx.fetch(_LOCK, sorted(ids))


async def lock_free(tx: Statements, ids: Iterable[int]) -> frozenset[int]:
    """Lock those of these windows that nobody else has locked, and return them; PostgreSQL only."""
    rows = await tx.fetch(f"{_LOCK} SKIP LOCKED", sorted(ids))
    return frozenset(cast(int, row["id"]) for row in rows)


def shortage(charge: Charge, windows: Sequence[Window] = ()) -> BudgetExceeded:
    """Word the refusal: which account was short and where, the nearest to the agent first."""
    short = [window for window in windows if window.left < charge.amount.micro]
    if not short:
        return refusal(charge)
    nearest = min(short, key=lambda window: (charge.accounts.index(window.account), window.left))
    return refusal(charge, nearest.account, nearest.period, nearest.left)


def refusal(charge: Charge, account: str = "", period: str = "", left: int = 0) -> BudgetExceeded:
    """Refuse a charge for what was short; of its own account alone the agent learns what is left.

    Args:
        charge: what was not held.
        account: the account that was short.
        period: of its window; empty where no account on the path has a budget in the currency.
        left: what was left in it, in micro-units; below zero after an overrun.
    """
    own = charge.accounts[0] if charge.accounts else charge.agent
    if not period:
        return BudgetExceeded(charge.amount, own)
    rest = Money(max(left, 0), charge.amount.currency)
    available = rest if account == own else None
    return BudgetExceeded(charge.amount, account, period, available, left=rest)
