"""Many transactions of the embedded store, committed together with one write to the disk."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Coroutine, Sequence
from contextlib import suppress
from typing import Any

from msgspec import Struct

from caracal_core.errors import Failure
from caracal_core.ports import Transaction
from caracal_core.storage.errors import PART, OutcomeUnknown
from caracal_core.storage.sqlite_connection import ERRORS, SqliteStatements, failure

_PASSING = (Exception, asyncio.CancelledError)


class Outcome(Struct, frozen=True):
    """What became of one work.

    Attributes:
        value: what it returned.
        error: what it raised, or why it was rolled back; None where it is committed. Never
            what a future refuses to hold, or what would end the process that awaits it.
    """

    value: object = None
    error: Exception | asyncio.CancelledError | None = None


class _Lost(Exception):
    """A work undid the whole transaction; it never leaves this file."""


def commit_together(
    connection: sqlite3.Connection, works: Sequence[Transaction[object]]
) -> Sequence[Outcome]:
    """Do each work in turn, in its own savepoint of one transaction, and commit.

    Each sees what those before it did. What one raises rolls back that one and no other. Where
    one undoes the whole transaction, or the commit finds a rule of the schema broken that one
    deferred, nothing was done: each is then done again, in a transaction of its own. Where the
    transaction fails for another reason, so does each work, also one that had been refused: what
    it had seen never was.

    Args:
        connection: nobody else uses it meanwhile; no transaction is open on it afterwards.
        works: functions that wait for nothing but their statements, and may be called again.
    """
    try:
        return _together(connection, works)
    except _Lost as lost:
        if len(works) == 1:
            return [Outcome(error=Failure(PART, str(lost)))]
    return [outcome for work in works for outcome in commit_together(connection, [work])]


def _together(
    connection: sqlite3.Connection, works: Sequence[Transaction[object]]
) -> Sequence[Outcome]:
    """Do the works and commit.

    Raises:
        _Lost: nothing was done, and it was one of them that undid the others.
    """
    try:
        _end_what_is_open(connection)
        connection.execute("BEGIN IMMEDIATE")
        outcomes = [_done(connection, work) for work in works]
    except ERRORS as error:
        _give_up(connection)
        return [Outcome(error=failure(error)) for _ in works]
    try:
        connection.execute("COMMIT")
    except sqlite3.IntegrityError as error:
        _give_up(connection)
        raise _Lost(f"SQLite: {error}, found by the commit") from error
    except ERRORS as error:
        _give_up(connection)
        # A disk that fails may have written it all the same.
        reason = f"SQLite: {error}; whether it was committed is unknown"
        return [Outcome(error=OutcomeUnknown(PART, reason)) for _ in works]
    return outcomes


def _done(connection: sqlite3.Connection, work: Transaction[object]) -> Outcome:
    """Do one work in its savepoint.

    Raises:
        _Lost: the transaction around it was rolled back, as with a full disk.
        sqlite3.Error: the same, and nobody knows why.
    """
    connection.execute("SAVEPOINT work")
    statements = SqliteStatements(connection)
    try:
        outcome = Outcome(_driven(work(statements)))
    except BaseException as error:
        outcome = Outcome(error=_answer(error))
        if not connection.in_transaction:
            raise _Lost(_said(error)) from error
        connection.execute("ROLLBACK TO work")
    finally:
        statements.end()
    connection.execute("RELEASE work")
    return outcome


def _answer(error: BaseException) -> Exception | asyncio.CancelledError:
    """Return what a work's caller is told: what was raised, or its type where it may not pass.

    A future refuses StopIteration, and SystemExit would end the event loop of who awaits it.
    """
    if isinstance(error, _PASSING) and not isinstance(error, StopIteration):
        return error
    return Failure(PART, f"a transaction raised {type(error).__name__}")


def _said(error: BaseException) -> str:
    said = error.internal if isinstance(error, Failure) else type(error).__name__
    return f"{said}; it undid its whole transaction"


def _driven(steps: Coroutine[Any, Any, object]) -> object:
    """Run a coroutine whose statements never wait to its end, without an event loop."""
    try:
        steps.send(None)
    except StopIteration as ended:
        return ended.value
    steps.close()
    raise Failure(PART, "a transaction waited for something else than its statements")


def _give_up(connection: sqlite3.Connection) -> None:
    with suppress(*ERRORS):  # the next one tries again
        _end_what_is_open(connection)


def _end_what_is_open(connection: sqlite3.Connection) -> None:
    """Roll back, also a transaction whose own rollback failed, as it may with a full disk."""
    if connection.in_transaction:
        connection.execute("ROLLBACK")
