"""What the store can fail with, beside a plain `Failure`: it did not do what was asked."""

from __future__ import annotations

import logging

from caracal_core.errors import Failure

PART = "storage"
MIGRATE = "The schema may be behind; `caracal db migrate up` brings it up."


class SchemaBehind(Failure):
    """The store lacks a table, a column or a function of this version's schema."""

    def __init__(self, said: str) -> None:
        super().__init__(PART, f"{said}. {MIGRATE}")


class OutcomeUnknown(Failure):
    """The connection was lost after a commit was on its way: it is done, or it is not.

    Ask again only with something that is safe to repeat, such as the same id.
    """


class Collided(Failure):
    """The transaction was rolled back so that another can go on; asked again it is likely to work.

    Deadlocks and serialization failures (SQLSTATE 40P01 and 40001).
    """


class Locked(Failure):
    """It waited for another transaction's lock for as long as it may, and was rolled back.

    ``lock_timeout``, SQLSTATE 55P03.
    """


class Rejected(Failure):
    """The statement can never be done with these values, and changed nothing."""


class ConstraintViolated(Rejected):
    """The statement broke a rule of the schema and changed nothing.

    Args:
        constraint: the rule's name, or what SQLite says in its place.
    """

    def __init__(self, constraint: str) -> None:
        super().__init__(PART, f"constraint violated: {constraint}")
        self.constraint = constraint


def telling(failure: Failure) -> int:
    """Return the level at which a chore that is done again and again tells of its failure.

    Where the schema is behind, every chore fails of it: the start and readiness tell that once.
    """
    return logging.DEBUG if isinstance(failure, SchemaBehind) else logging.WARNING


def refused(word: str) -> Failure:
    """Say that a statement would take the store's transaction or connection over."""
    return Failure(PART, f"{word} is refused: transactions and connections are the store's own")
