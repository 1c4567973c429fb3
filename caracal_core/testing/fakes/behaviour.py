"""The ways in which a trivial part can behave, well or badly.

A behaviour is given the part's two proper answers, and answers with one of them or with
something that no part should do. `parts` has a trivial part for every port that behaves so.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import NoReturn, Protocol, TypeVar, cast

T = TypeVar("T")


class Behaviour(Protocol):
    """What a trivial part does when its verb is called."""

    async def __call__(self, yes: Callable[[], T], no: Callable[[], T], /) -> T:
        """Answer with ``yes()``, with ``no()``, or misbehave."""


class BrokenOnPurposeError(Exception):
    """What `broken` raises."""


class CollapseError(BaseException):
    """What `collapses` raises: an exception that ``except Exception`` does not catch."""


class Junk:
    """An answer of no type that any port knows; it is true, and quiet about everything."""

    def __bool__(self) -> bool:
        return True


async def allow(yes: Callable[[], T], _no: Callable[[], T]) -> T:
    """Give the part's favourable answer."""
    return yes()


async def deny(_yes: Callable[[], T], no: Callable[[], T]) -> T:
    """Give the part's unfavourable answer, or raise its refusal."""
    return no()


async def broken(_yes: Callable[[], T], _no: Callable[[], T]) -> NoReturn:
    """Raise what nobody expects."""
    raise BrokenOnPurposeError("broken on purpose")


async def collapses(_yes: Callable[[], T], _no: Callable[[], T]) -> NoReturn:
    """Raise past ``except Exception``."""
    raise CollapseError("collapsed on purpose")


async def cancels(_yes: Callable[[], T], _no: Callable[[], T]) -> NoReturn:
    """Raise the exception that means 'the client is gone' though it is not."""
    raise asyncio.CancelledError


async def slow(_yes: Callable[[], T], _no: Callable[[], T]) -> T:
    """Hang until cancelled."""
    return await asyncio.Future[T]()


async def junk(_yes: Callable[[], T], _no: Callable[[], T]) -> T:
    """Answer with a truthy thing of no known type."""
    return cast("T", Junk())


class Stubborn:
    """Hang, and swallow a number of cancellations before giving in.

    Args:
        swallows: how many.
    """

    def __init__(self, swallows: int = 1) -> None:
        self.swallowed = 0
        self._swallows = swallows

    async def __call__(self, _yes: Callable[[], T], _no: Callable[[], T], /) -> T:
        while True:
            try:
                return await asyncio.Future[T]()
            except asyncio.CancelledError:
                if self.swallowed == self._swallows:
                    raise
                self.swallowed += 1
