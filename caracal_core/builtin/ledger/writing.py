"""A batch of works is written in one transaction, and a bad one harms no other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar, cast

from caracal_core.builtin.ledger.collisions import TRIES, again
from caracal_core.builtin.ledger.errors import PART, kept_locked
from caracal_core.builtin.ledger.postgresql_write import write_postgresql
from caracal_core.builtin.ledger.settling import End, Settlement
from caracal_core.builtin.ledger.sqlite_write import write_sqlite
from caracal_core.builtin.ledger.verdict import Verdict, Waits
from caracal_core.builtin.ledger.windows import open_windows
from caracal_core.domain import Charge, Reservation
from caracal_core.errors import Failure, Refusal
from caracal_core.ports import Database
from caracal_core.storage.errors import Locked, Rejected

T = TypeVar("T", Reservation, Settlement)
Works = Sequence[Charge | End]


async def write(
    database: Database,
    owner: str,
    reserves: Sequence[Charge],
    ends: Sequence[End],
    at: float | None = None,
) -> Sequence[Verdict]:
    """Hold the amounts of charges, then end reservations; whatever was done before is found.

    All reserves are decided in the order given, then the ends that do not pass their holds and
    whose reserves are not in the batch, then the other ends in the order given. Only a charge of
    which a window has yet to be opened is decided after all others, and its end after it. An id
    stands at most once among the reserves and once among the ends.

    Args:
        database: where the books are.
        owner: who renews what is held.
        reserves: what to hold.
        ends: how to end which reservation. A cost in another currency than the hold's cannot be
            booked: the held amount is posted.
        at: do it at this instant, in unix seconds, instead of now by the database's clock.

    Returns:
        One verdict for each work, those of the reserves first.

    Raises:
        Locked: a lock was waited for in vain, and nothing was done of any.
        Failure: nothing is known of any; it may be done or not, and asking again is safe.
    """
    verdicts = await _written(database, owner, reserves, ends, at)
    if Waits not in map(type, verdicts):
        return cast(Sequence[Verdict], verdicts)
    return await _opened(database, owner, [*reserves, *ends], list(verdicts), at)


async def reserve(
    database: Database, charge: Charge, owner: str, at: float | None = None
) -> Reservation:
    """Hold one charge's amount, or find what an earlier try of the same charge holds.

    Raises:
        BudgetExceeded: it does not fit.
        IdempotencyConflict: its key stands for another request, or one that was charged.
        Conflict: the id is taken.
        Failure: the store cannot be asked.
    """
    (verdict,) = await write(database, owner, [charge], [], at)
    return _result(verdict, Reservation)


async def settle(database: Database, end: End, at: float | None = None) -> Settlement:
    """End one reservation, or find how it ended before.

    Raises:
        Failure: the store cannot be asked; it may be done or not, and asking again is safe.
    """
    (verdict,) = await write(database, "", [], [end], at)
    return _result(verdict, Settlement)


async def _opened(
    database: Database, owner: str, works: Works, verdicts: list[Verdict | Waits], at: float | None
) -> Sequence[Verdict]:
    """Open the windows that works wait for, and write these again.

    Raises:
        Locked: a lock was waited for in vain, and nothing was done of any.
    """
    for _ in range(TRIES - 1):
        left = [number for number, verdict in enumerate(verdicts) if isinstance(verdict, Waits)]
        if not left:
            break
        reserves, ends = _parted([works[number] for number in left])
        try:
            await _open(database, reserves, at)
            answers = await _written(database, owner, reserves, ends, at)
        except Locked:
            if len(left) == len(works):
                raise
            answers = [kept_locked() for _ in left]
        for number, answer in zip(left, answers, strict=True):
            verdicts[number] = answer
    removed = Failure(PART, "the windows of a charge are removed as soon as they are opened")
    return [removed if isinstance(verdict, Waits) else verdict for verdict in verdicts]


async def _written(
    database: Database,
    owner: str,
    reserves: Sequence[Charge],
    ends: Sequence[End],
    at: float | None,
) -> Sequence[Verdict | Waits]:
    """Write works in one transaction; where the store takes them not together, one by one.

    Then, from the first that waits for a lock in vain, all are put off: the end of a reserve among
    them must not be written before it.

    Raises:
        Locked: nothing was done of any.
    """
    try:
        return await again(lambda: _together(database, owner, reserves, ends, at))
    except Rejected as error:
        if len(reserves) + len(ends) == 1:
            return [error]
    answers: list[Verdict | Waits] = []
    works: Works = [*reserves, *ends]
    for work in works:
        try:
            answers += await _written(database, owner, *_parted([work]), at)
        except Locked:
            if not answers:
                raise
            return [*answers, *(kept_locked() for _ in works[len(answers) :])]
    return answers


async def _together(
    database: Database,
    owner: str,
    reserves: Sequence[Charge],
    ends: Sequence[End],
    at: float | None,
) -> Sequence[Verdict | Waits]:
    """Write works in one transaction."""
    if database.dialect == "postgresql":
        return await write_postgresql(database, owner, reserves, ends, at)
    return await database.transact(lambda tx: write_sqlite(tx, owner, reserves, ends, at))


def _parted(works: Works) -> tuple[Sequence[Charge], Sequence[End]]:
    """Return the reserves, and the ends."""
    return (
        [work for work in works if isinstance(work, Charge)],
        [work for work in works if isinstance(work, End)],
    )


async def _open(database: Database, reserves: Sequence[Charge], at: float | None) -> None:
    """Open the windows that charges wait for, in a transaction of its own.

    Nobody waits for another's new window with other locks in hand.

    Raises:
        Locked: a budget's own row is kept locked; nothing was done of these charges.
    """
    accounts: dict[str, set[str]] = {}
    for charge in reserves:
        accounts.setdefault(charge.amount.currency, set()).update(charge.accounts)
    for currency, names in accounts.items():
        await open_windows(database, sorted(names), currency, at)


def _result(verdict: Verdict, kind: type[T]) -> T:
    if isinstance(verdict, Refusal | Failure):
        raise verdict
    assert isinstance(verdict, kind)  # noqa: S101 - a reserve's or an end's, as it was asked
    return verdict
