"""A request's body on its way out: begun before the upstream hears of it, not at its expense."""

from __future__ import annotations

from collections.abc import AsyncIterator

from caracal_core.domain import Body
from caracal_core.errors import PayloadTooLarge
from caracal_core.stages.deadline import Due

BEGUN_BYTES = 1_000
"""How much of a body, or all of it, has to be here first: who sends a byte a second is given up
before an upstream was asked for anything."""


class Upload:
    """A `Body`. While the client sends, the upstream is not late.

    Args:
        body: the request's own; nobody else reads it any more.
        due: the deadline of the upstream's reply.
    """

    __slots__ = ("_body", "_chunks", "_due", "_held")

    def __init__(self, body: Body, due: Due) -> None:
        self._body = body
        self._chunks = aiter(body)
        self._due = due
        self._held: list[bytes] = []

    @property
    def length(self) -> int | None:
        return self._body.length

    @property
    def whole(self) -> bool:
        return self._body.whole

    @property
    def count(self) -> int:
        return self._body.count

    def cap(self, most: int) -> None:
        self._body.cap(most)

    async def begin(self) -> None:
        """Wait until the first `BEGUN_BYTES`, or all, are here; they are kept to be sent.

        Raises:
            Answered: as reading a `Body` does.
        """
        count = 0
        while count < BEGUN_BYTES:
            data = await anext(self._chunks, None)
            if data is None:
                return
            self._held.append(data)
            count += len(data)

    async def peek(self, most: int) -> bytes:
        parts: list[bytes] = []
        count = 0
        async for data in self:
            parts.append(data)
            count += len(data)
            if count > most:
                raise PayloadTooLarge
        self._held = parts
        return b"".join(parts)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while self._held:
            yield self._held.pop(0)
        while True:
            self._due.pause()
            try:
                data = await anext(self._chunks)
            except StopAsyncIteration:
                return
            finally:
                self._due.restart()
            yield data
