"""Transactions that ran into another's are begun again."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from caracal_core.storage.errors import Collided

T = TypeVar("T")

TRIES = 5
"""How often one is begun; whoever it ran into has gone on meanwhile."""


async def again(transaction: Callable[[], Awaitable[T]]) -> T:
    """Return what a transaction gives, begun again where the database let another go first.

    Raises:
        Collided: it did so every time.
    """
    for tries_left in reversed(range(TRIES)):
        try:
            return await transaction()
        except Collided:
            if not tries_left:
                raise
    raise AssertionError("the last try returns or raises")
