"""A reservation ends once, posted or voided; the first of two endings stands."""

from __future__ import annotations

from typing import Literal, cast

from msgspec import Struct

from caracal_core.builtin.ledger.errors import PART
from caracal_core.builtin.ledger.journal import adjust, enter
from caracal_core.builtin.ledger.statement import Statement
from caracal_core.domain import Basis, Cause, Money, Receipt
from caracal_core.errors import Failure
from caracal_core.ports import Database, Dialect, Row, Statements

NO_CURRENCY = "XXX"
"""ISO 4217's code for no currency: of a reservation of which nothing but a void is known."""

NOT_THE_OWNERS = frozenset({"orphan", "expired", "released"})
"""Causes of endings that somebody else than the reservation's owner decided."""

_END = Statement("""
UPDATE reservations SET
    state = $3,
    posted_micro = CASE
        WHEN CAST($5 AS TEXT) IS NULL OR currency = $5 THEN $4 ELSE amount_micro
    END,
    cause = $6,
    ended_at = {now}
WHERE id = $2 AND state = 'pending'
RETURNING id, state, amount_micro, posted_micro, currency, cause, windows
""")
_REMEMBER = Statement("""
INSERT INTO reservations (
    id, state, posted_micro, currency, cause, agent, accounts, route, request, amount_micro,
    orphan, owner, windows, created_at, expires_at, ended_at
)
WITH clock(instant) AS (SELECT {now})
SELECT $2, $3, $4, COALESCE($5, $7), $6, '', '[]', '', '', 0,
    'void', '', '[]', instant, instant, instant
FROM clock
WHERE TRUE
ON CONFLICT (id) DO NOTHING
RETURNING id, state, amount_micro, posted_micro, currency, cause, windows
""")
_FIND = """
SELECT id, state, amount_micro, posted_micro, currency, cause, windows
FROM reservations WHERE id = $1
"""


class End(Struct, frozen=True):
    """How somebody wants a reservation to end.

    Attributes:
        id: the charge's id.
        cause: why.
        amount: what it did cost; None voids it.
        basis: how that amount came about; empty where it is voided.
    """

    id: str
    cause: Cause
    amount: Money | None = None
    basis: Basis = ""


class Settlement(Struct, frozen=True):
    """How a reservation stands after somebody wanted it to end.

    Attributes:
        receipt: the ending that stands.
        news: what this end did: ``ended`` the reservation; ``repeated`` an ending that stood
            already; ``adjusted`` for money spent after it; or was for an ``unknown`` id, which
            is remembered.
        overrun: whether more was posted than held.
    """

    receipt: Receipt
    news: Literal["ended", "repeated", "adjusted", "unknown"]
    overrun: bool = False


async def settle(database: Database, end: End, at: float | None = None) -> Settlement:
    """End a reservation, or find how it ended before.

    A cost in another currency than the hold's cannot be booked: the held amount is posted.

    Args:
        database: where the books are.
        end: how to end it.
        at: do it at this instant, in unix seconds, instead of now by the database's clock.

    Raises:
        Failure: the store cannot be asked; it may be done or not, and asking again is safe.
    """
    return await database.transact(lambda tx: _end(tx, database.dialect, end, at))


async def _end(tx: Statements, dialect: Dialect, end: End, at: float | None) -> Settlement:
    wanted = _wanted(end)
    rows = await tx.fetch(_END[dialect], at, *wanted)
    if rows:
        await enter(tx, dialect, rows)
        return Settlement(_receipt(rows[0]), "ended", _is_overrun(rows[0]))
    rows = await tx.fetch(_REMEMBER[dialect], at, *wanted, NO_CURRENCY)
    if rows:
        if end.amount is not None:
            await enter(tx, dialect, rows)
        return Settlement(_receipt(rows[0]), "unknown")
    return await _after_its_end(tx, dialect, end, at)


async def _after_its_end(
    tx: Statements, dialect: Dialect, end: End, at: float | None
) -> Settlement:
    """Let the first ending stand; what was spent beside it is adjusted for."""
    (row,) = await tx.fetch(_FIND, end.id)
    if row["state"] == "pending":
        raise Failure(PART, f"the reserve of {end.id} arrived just now; its end has to be repeated")
    micro, currency = _unbooked(row, end)
    if micro > 0 and await adjust(tx, dialect, row, micro, currency, at):
        return Settlement(_receipt(row), "adjusted")
    return Settlement(_receipt(row), "repeated")


def _wanted(end: End) -> tuple[str, str, int, str | None, Cause]:
    if end.amount is None:
        return end.id, "voided", 0, None, end.cause
    return end.id, "posted", end.amount.micro, end.amount.currency, end.cause


def _unbooked(row: Row, end: End) -> tuple[int, str]:
    """Return how much was spent that the standing ending does not have, and the currency."""
    currency, posted = cast(str, row["currency"]), cast(int, row["posted_micro"])
    owners = row["state"] == "posted" and row["cause"] not in NOT_THE_OWNERS
    if end.amount is None or owners:
        return 0, currency
    if currency in (end.amount.currency, NO_CURRENCY):
        return end.amount.micro - posted, end.amount.currency
    return cast(int, row["amount_micro"]) - posted, currency


def _is_overrun(row: Row) -> bool:
    return cast(int, row["posted_micro"]) > cast(int, row["amount_micro"])


def _receipt(row: Row) -> Receipt:
    amount = Money(cast(int, row["posted_micro"]), cast(str, row["currency"]))
    state = cast(Literal["posted", "voided"], row["state"])
    return Receipt(cast(str, row["id"]), state, amount, cast(Cause, row["cause"]))
