"""Answers of the store that serve for two seconds, so that a request seldom waits for it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

from msgspec import Struct

from caracal_core.ports import Clock

K = TypeVar("K", bound=Hashable)
A = TypeVar("A")

FRESH_SECONDS = 2.0
GOOD_MAX = 10_000
OTHERS_SHARE = 10
"""So many good answers have room for each of the others."""


class _Answer(Struct, Generic[A], frozen=True):
    value: A
    asked_at: float


class Recent(Generic[K, A]):
    """Asks a question at most once in two seconds for each key; memory is bounded.

    What is good and what is not have memories of their own, so that a flood of the one cannot
    crowd out the other. An answer is never used past its time: where the store cannot be asked
    then, the asker fails.

    Args:
        ask: asks the store.
        is_good: whether an answer is one that many requests will want again.
        clock: measures how old an answer is.
        fresh_seconds: how long an answer serves.
        good_max: how many good answers are remembered, at least `OTHERS_SHARE`; of the others a
            tenth as many.
    """

    def __init__(
        self,
        ask: Callable[[K], Awaitable[A]],
        is_good: Callable[[A], bool],
        clock: Clock,
        fresh_seconds: float = FRESH_SECONDS,
        good_max: int = GOOD_MAX,
    ) -> None:
        self._ask = ask
        self._is_good = is_good
        self._clock = clock
        self._fresh_seconds = fresh_seconds
        self._good_max, self._others_max = good_max, good_max // OTHERS_SHARE
        self._good: dict[K, _Answer[A]] = {}
        self._others: dict[K, _Answer[A]] = {}

    async def get(self, key: K) -> A:
        """Return the answer, out of date by less than it may be.

        Raises:
            Failure: the store cannot be asked.
        """
        asked_at = self._clock.monotonic()
        answer = self._fresh(key, asked_at)
        if answer is None:
            answer = _Answer(await self._ask(key), asked_at)
            self._remember(key, answer)
        return answer.value

    def known(self, key: K) -> A | None:
        """Return the answer where the store need not be asked for it, else None."""
        answer = self._fresh(key, self._clock.monotonic())
        return None if answer is None else answer.value

    def _fresh(self, key: K, now: float) -> _Answer[A] | None:
        answer = self._good.get(key) or self._others.get(key)
        if answer is None or now - answer.asked_at >= self._fresh_seconds:
            return None
        return answer

    def _remember(self, key: K, answer: _Answer[A]) -> None:
        """Remember the answer instead of any earlier one; the oldest makes room."""
        self._good.pop(key, None)
        self._others.pop(key, None)
        good = self._is_good(answer.value)
        memory, most = (self._good, self._good_max) if good else (self._others, self._others_max)
        if len(memory) >= most:
            del memory[next(iter(memory))]
        memory[key] = answer
