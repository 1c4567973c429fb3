"""A batch on PostgreSQL: one call of the function that locks first and decides second."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Literal, cast

from msgspec.structs import astuple

from caracal_core.builtin.ledger.array_literal import Element, array_literal
from caracal_core.builtin.ledger.settling import End, Settlement
from caracal_core.builtin.ledger.statement import array
from caracal_core.builtin.ledger.verdict import WAITS, Verdict, Waits, over, taken
from caracal_core.builtin.ledger.windows import refusal
from caracal_core.domain import Cause, Charge, Money, Receipt, Reservation
from caracal_core.errors import ConflictCode, IdempotencyConflict
from caracal_core.ports import Row, Statements

_PATHS = ("TEXT", "TEXT")
_CHARGES = (
    "TEXT", "INT", "TEXT", "TEXT", "TEXT", "BIGINT", "DOUBLE PRECISION", "TEXT", "TEXT",
    "TEXT", "TEXT",
)  # fmt: skip
_ENDS = ("TEXT", "BIGINT", "TEXT", "TEXT", "TEXT")
_ARRAYS = ", ".join(
    f"CAST(CAST(${number} AS TEXT) AS {kind}[])"
    for number, kind in enumerate((*_PATHS, *_CHARGES, *_ENDS), 3)
)
_WRITE = f"SELECT * FROM ledger_write($1, $2, {_ARRAYS})"  # noqa: S608 - constants
_OF_ENDS = frozenset({"over_held", "repeated", "adjusted", "unknown", "waits"})
_KEY_CODES: Mapping[str, ConflictCode] = MappingProxyType(
    {
        "key_reused": "idempotency_key_reused",
        "in_flight": "idempotency_in_flight",
        "already_charged": "already_charged",
    }
)


async def write_postgresql(
    database: Statements,
    owner: str,
    reserves: Sequence[Charge],
    ends: Sequence[End],
    at: float | None,
) -> Sequence[Verdict | Waits]:
    """Write a batch in one transaction and one round trip; see `writing.write`."""
    columns = map(array_literal, (*_reserve_columns(reserves), *_end_columns(ends)))
    rows = await database.fetch(_WRITE, at, owner, *columns)
    charges = {charge.id: charge for charge in reserves}
    wanted = {end.id: end for end in ends}
    held: dict[str, Verdict | Waits] = {}
    ended: dict[str, Verdict | Waits] = {}
    for row in rows:
        verdict, first = row["verdict"], cast(list[str], row["ids"])[0]
        if verdict == "held":
            _held(row, charges, held)
        elif verdict == "ended":
            _ended(row, wanted, ended)
        elif verdict in _OF_ENDS:
            ended[first] = _settled(row, first)
        else:
            held[first] = _answered(row, charges[first])
    return [*(held[each] for each in charges), *(ended[each] for each in wanted)]


def _reserve_columns(reserves: Sequence[Charge]) -> Sequence[Sequence[Element]]:
    """Return the distinct account paths, then the charges, column by column."""
    if not reserves:
        return [()] * (len(_PATHS) + len(_CHARGES))
    # In the order of `Charge`'s fields.
    ids, agents, accounts, amounts, routes, requests, seconds, orphans, prices, keys, prints = zip(
        *map(astuple, reserves), strict=True
    )
    currencies = [amount.currency for amount in amounts]
    paths: dict[tuple[tuple[str, ...], str], int] = {}
    numbers = [
        paths.setdefault(path, len(paths) + 1) for path in zip(accounts, currencies, strict=True)
    ]
    return [
        [array(accounts) for accounts, _ in paths],
        [currency for _, currency in paths],
        ids,
        numbers,
        agents,
        routes,
        requests,
        [amount.micro for amount in amounts],
        seconds,
        orphans,
        prices,
        keys,
        prints,
    ]


def _end_columns(ends: Sequence[End]) -> Sequence[Sequence[Element]]:
    """Return the ends, column by column; one without an amount is a void."""
    if not ends:
        return [()] * len(_ENDS)
    ids, causes, amounts, bases = zip(*map(astuple, ends), strict=True)
    micros = [amount.micro if amount is not None else None for amount in amounts]
    currencies = [amount.currency if amount is not None else None for amount in amounts]
    held = ["" if amount is None else basis for amount, basis in zip(amounts, bases, strict=True)]
    return [ids, micros, currencies, causes, held]


def _held(row: Row, charges: Mapping[str, Charge], held: dict[str, Verdict | Waits]) -> None:
    """Add what the common row of all that was held says of each."""
    instant, names = cast(float, row["instant"]), cast(list[str | None], row["named"])
    for each, public in zip(cast(list[str], row["ids"]), names, strict=True):
        charge = charges[each]
        held[each] = Reservation(public or each, charge.amount, instant + charge.expire_seconds)


def _ended(row: Row, ends: Mapping[str, End], ended: dict[str, Verdict | Waits]) -> None:
    """Add what the common row of all that ended, none above its hold, says of each."""
    for each, currency in zip(
        cast(list[str], row["ids"]), cast(list[str], row["named"]), strict=True
    ):
        end = ends[each]
        if end.amount is None:
            receipt = Receipt(each, "voided", Money(0, currency), end.cause)
        else:
            receipt = Receipt(each, "posted", end.amount, end.cause)
        ended[each] = Settlement(receipt, "ended")


def _answered(row: Row, charge: Charge) -> Verdict | Waits:
    """Return what the row of a single reserve says."""
    (public,) = cast(list[str | None], row["named"])
    verdict = cast(str, row["verdict"])
    if verdict in _KEY_CODES:
        return IdempotencyConflict(_KEY_CODES[verdict], public or "")
    match verdict:
        case "found":
            return Reservation(public or charge.id, charge.amount, cast(float, row["instant"]))
        case "short":
            account, period = cast(str, row["account"] or ""), cast(str, row["period"] or "")
            return refusal(charge, account, period, cast(int, row["micro"] or 0))
        case "unopened":
            return WAITS
        case "over":
            return over(charge, row["state"])
        case _:
            return taken(charge)


def _settled(row: Row, id: str) -> Verdict | Waits:
    """Return what the row of a single end says."""
    if row["verdict"] == "waits":
        return WAITS
    (currency,) = cast(list[str], row["named"])
    state = cast(Literal["posted", "voided"], row["state"])
    amount = Money(cast(int, row["micro"]), currency)
    receipt = Receipt(id, state, amount, cast(Cause, row["cause"]))
    if row["verdict"] == "over_held":
        return Settlement(receipt, "ended", cast(bool, row["overrun"]))
    news = cast(Literal["repeated", "adjusted", "unknown"], row["verdict"])
    return Settlement(receipt, news)
