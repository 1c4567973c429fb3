"""The calendar windows that a charge must fit, locked before anything is decided."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import cast

from msgspec import Struct

from caracal_core.builtin.ledger.statement import Statement, array
from caracal_core.domain import Charge, Money
from caracal_core.errors import BudgetExceeded
from caracal_core.ports import Database, Dialect, Row, Statements

# Everybody locks in the order of the ids, so that nobody waits in a circle.
_LOCK_PATH = Statement("""
WITH {starts}, {path}
SELECT w.id, p.account, p.period, w.limit_micro, w.spent_micro, w.held_micro,
       (SELECT count(*) FROM path) AS budgets
FROM path AS p
JOIN budget_windows AS w ON w.budget_id = p.budget_id AND w.starts_at = p.starts_at
ORDER BY w.id {for_update_of_w}
""")
_LOCK = Statement("""
SELECT id FROM budget_windows WHERE id {among:$1 BIGINT} ORDER BY id {for_update}
""")
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


class Path(Struct, frozen=True):
    """The current windows of the budgets on an account path, locked.

    Attributes:
        windows: those that are open.
        complete: whether these are all; else some have yet to be opened, or there is no budget.
    """

    windows: Sequence[Window] = ()
    complete: bool = False


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


async def lock_path(tx: Statements, dialect: Dialect, charge: Charge, at: float | None) -> Path:
    """Lock the current window of every budget on the charge's account path."""
    accounts = array(charge.accounts)
    rows = await tx.fetch(_LOCK_PATH[dialect], at, accounts, charge.amount.currency)
    complete = bool(rows) and rows[0]["budgets"] == len(rows)
    return Path([_window(row) for row in rows], complete)


async def open_path(database: Database, charge: Charge, at: float | None) -> int:
    """Open the windows on the charge's account path that are not, and return how many.

    It is a transaction of its own: nobody waits for another's new window with locks in hand.
    """
    accounts = array(charge.accounts)
    sql = _OPEN[database.dialect]
    return await database.execute(sql, at, accounts, charge.amount.currency)


async def lock(tx: Statements, dialect: Dialect, ids: Iterable[int]) -> str:
    """Lock these windows before they are changed, and return their ids as a JSON array.

    SQLite's transaction locked everything at its start.
    """
    windows = array(sorted(ids))
    if dialect == "postgresql":
        await tx.fetch(_LOCK[dialect], windows)
    return windows


def shortage(charge: Charge, windows: Sequence[Window]) -> BudgetExceeded:
    """Word the refusal: which account was short and where, the nearest to the agent first."""
    own = charge.accounts[0] if charge.accounts else charge.agent
    short = [window for window in windows if window.left < charge.amount.micro]
    if not short:
        return BudgetExceeded(charge.amount, own)
    nearest = min(short, key=lambda window: (charge.accounts.index(window.account), window.left))
    left = Money(max(nearest.left, 0), charge.amount.currency)
    available = left if nearest.account == own else None
    return BudgetExceeded(charge.amount, nearest.account, nearest.period, available)


def _window(row: Row) -> Window:
    limit, spent, held = (cast(int, row[f"{name}_micro"]) for name in ("limit", "spent", "held"))
    account, period = cast(str, row["account"]), cast(str, row["period"])
    return Window(cast(int, row["id"]), account, period, limit - spent - held)
