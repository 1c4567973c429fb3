"""The connections of a pool, the one that was given back last kept at hand."""

from __future__ import annotations

from typing import Any

import asyncpg  # type: ignore[import-untyped]  # it ships no types


class Connections:
    """Hands out connections, and takes them back.

    The pool's own way is a task and two turns of the loop to and fro, as much as a statement costs:
    whoever asks again and again gets the same connection without it.

    Args:
        pool: opens, checks and closes them; it counts the one at hand as in use.
    """

    def __init__(self, pool: asyncpg.Pool[Any]) -> None:
        self._pool = pool
        self._kept: Any = None
        self._waiting = 0
        self._closing = False

    async def take(self, seconds: float) -> Any:
        """Return a connection, after at most so long a wait.

        Raises:
            TimeoutError: none was free.
            PostgresError, InterfaceError, OSError: none could be opened.
        """
        kept, self._kept = self._kept, None
        if kept is not None:
            if not _is_lost(kept):
                return kept
            await self._pool.release(kept)
        self._waiting += 1
        try:
            return await self._pool.acquire(timeout=seconds)
        finally:
            self._waiting -= 1

    async def give_back(self, connection: Any, *, sound: bool) -> None:
        """Take one back.

        Args:
            connection: the connection.
            sound: whether its last statement ended well and nobody has it any more; else the
                pool brings it in order, and lets nobody use it who had it.
        """
        is_free = sound and not connection.is_in_transaction()  # a script may have begun one
        if is_free and self._kept is None and not self._waiting and not self._closing:
            self._kept = connection
        else:
            await self._pool.release(connection)

    async def close(self) -> None:
        """Close all, each when it was given back."""
        self._closing = True
        kept, self._kept = self._kept, None
        if kept is not None:
            await self._pool.release(kept)
        await self._pool.close()

    def terminate(self) -> None:
        """Cut all off."""
        self._pool.terminate()


def _is_lost(connection: Any) -> bool:
    """Return whether it was closed, maybe by the server; the pool may have it back already."""
    try:
        return bool(connection.is_closed())
    except asyncpg.InterfaceError:
        return True
