"""Puts an account, with all below it, below another one: who pays for it from then on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from caracal_core.ports import Database, Statements
from caracal_core.storage.accounts import (
    DEEPEST,
    Account,
    AccountError,
    lock_places,
    registered,
)

# Looks no further than paths go, so that a circle made behind our back does not hold it for ever.
_HEIGHT = """
WITH RECURSIVE below (id, depth) AS (
    SELECT id, 1 FROM accounts WHERE name = $1
    UNION ALL
    SELECT account.id, below.depth + 1
    FROM below JOIN accounts AS account ON account.parent_id = below.id
    WHERE below.depth < $2
)
SELECT max(depth) AS height FROM below
"""
_MOVE = "UPDATE accounts SET parent_id = $2 WHERE name = $1"


async def move(database: Database, name: str, parent: str | None) -> str | None:
    """Put an account below another one, or at the top.

    Budgets and what they counted stay with their accounts, and holds in the windows that they were
    held in: it is who pays for calls from then on that changes.

    Args:
        database: where the accounts are.
        name: the account's; what is below it goes with it.
        parent: name of the account that is to be above it; None puts it at the top.

    Returns:
        The name of the account that was above it; None where it was at the top.

    Raises:
        AccountError: one of them is not registered, the parent is the account itself or below it,
            or the path would be longer than accounts go.
        Failure: the database cannot be asked.
    """

    async def work(tx: Statements) -> str | None:
        await lock_places(tx, database.dialect)
        account = (await registered(tx, name))[0]
        above: Sequence[Account] = [] if parent is None else await registered(tx, parent)
        if any(each.id == account.id for each in above):
            where = "itself" if parent == name else f"{parent}, which is below it"
            raise AccountError(f"{name} cannot be put below {where}.")
        (row,) = await tx.fetch(_HEIGHT, name, DEEPEST)
        deepest = len(above) + cast(int, row["height"])
        if deepest > DEEPEST:
            raise AccountError(
                f"{name} cannot be put below {parent}: {deepest} accounts would be on one path, "
                f"and {DEEPEST} may be."
            )
        await tx.execute(_MOVE, name, above[0].id if above else None)
        return account.parent

    return await database.transact(work)
