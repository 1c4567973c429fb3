"""The request's body: a stream that is counted, paced and strictly framed as it is read."""

from __future__ import annotations

from caracal_core.edge.framing import Chunks, take
from caracal_core.edge.limits import Limits
from caracal_core.edge.line import Line
from caracal_core.errors import Answered, PayloadTooLarge

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class Pace:
    """How long a client may still keep a reader waiting for its body.

    A client starts with the whole of ``pace_seconds``, uses it up while somebody waits for
    it, and earns it back by what it sends, up to the whole again.
    """

    __slots__ = ("_earned_per_byte", "_whole", "seconds")

    def __init__(self, limits: Limits) -> None:
        self._whole = limits.pace_seconds
        self._earned_per_byte = limits.pace_seconds / limits.pace_bytes
        self.seconds = limits.pace_seconds

    def waited(self, seconds: float, arrived: int) -> None:
        """Take note of a wait and of how many bytes ended it."""
        left = self.seconds - seconds + arrived * self._earned_per_byte
        self.seconds = max(0.0, min(self._whole, left))


class NoBody:
    """The body of a request without one; it is its own, ended, stream."""

    __slots__ = ()

    length = 0
    whole = True
    count = 0

    def cap(self, most: int) -> None:
        """Nothing is never too much."""

    async def peek(self, most: int) -> bytes:  # noqa: ARG002 - as Body has it
        """Return nothing."""
        return b""

    def skip(self) -> bool:
        """Nothing has to be skipped."""
        return True

    def leave_unasked(self) -> None:
        """Nobody waits to be asked for nothing."""

    def __aiter__(self) -> NoBody:
        return self

    async def __anext__(self) -> bytes:
        raise StopAsyncIteration


class StreamedBody:
    """The body of one request, read off its connection; it is its own stream.

    Args:
        line: the connection.
        length: the declared length, None where it is chunked.
        expects_continue: whether the client waits to be told to send it.
    """

    __slots__ = (
        "_chunks",
        "_closed",
        "_fault",
        "_kept",
        "_line",
        "_most",
        "_pace",
        "_unasked",
        "count",
        "length",
    )

    def __init__(self, line: Line, length: int | None, *, expects_continue: bool) -> None:
        self.length = length
        self._line = line
        self._chunks = Chunks() if length is None else None
        self._unasked = expects_continue
        self._most = line.limits.max_request_bytes
        self._pace: Pace | None = None
        self.count = 0
        self._kept = b""
        self._fault: Answered | None = None
        self._closed = False

    def cap(self, most: int) -> None:
        """Allow at most ``most`` bytes in place of the default."""
        self._most = most
        self._check_cap()

    async def peek(self, most: int) -> bytes:
        """Read the whole body of at most ``most`` bytes and keep it to be streamed again."""
        allowed, self._most = self._most, min(most, self._most)
        try:
            self._check_cap()
            parts = [data async for data in self]
        finally:
            self._most = allowed
        self._kept = b"".join(parts)
        return self._kept

    @property
    def whole(self) -> bool:
        """Whether what was not read of it is known to be here whole."""
        if self._fault is not None:
            return False
        if self._chunks is not None:
            return self._chunks.ended
        return self._left <= len(self._line.received)

    def skip(self) -> bool:
        """End reading; throw the rest away, if it is here. Return whether it was."""
        self._closed = True
        if not self.whole:
            return False
        if self._chunks is None:
            del self._line.received[: self._left]
        return True

    def leave_unasked(self) -> None:
        """Do not say ``100 Continue`` any more, since the answer has begun."""
        self._unasked = False

    def __aiter__(self) -> StreamedBody:
        return self

    async def __anext__(self) -> bytes:
        if self._kept:
            kept, self._kept = self._kept, b""
            return kept
        try:
            data = await self._next()
        except Answered as fault:
            self._fault = fault
            raise
        if not data:
            raise StopAsyncIteration
        return data

    @property
    def _left(self) -> int:
        return (self.length or 0) - self.count

    @property
    def _ended(self) -> bool:
        return not self._left if self._chunks is None else self._chunks.ended

    async def _next(self) -> bytes:
        """Return the next bytes, none at the end."""
        if self._fault is not None:
            raise self._fault
        if self._closed:
            raise RuntimeError("the exchange that this body belongs to is over")
        self._check_cap()
        while not self._ended:
            data = self._take()
            if data:
                self.count += len(data)
                self._check_cap()
                return data
            if not self._ended:
                await self._receive()
        return b""

    def _take(self) -> bytes:
        """Take what is here already."""
        buffer = self._line.received
        data = take(buffer, self._left) if self._chunks is None else self._chunks.take(buffer)
        self._line.relieve()
        return data

    def _check_cap(self) -> None:
        if max(self.length or 0, self.count) > self._most:
            raise PayloadTooLarge

    async def _receive(self) -> None:
        """Wait for more bytes, as long as the client's pace allows."""
        if self._unasked:
            self._unasked = False
            await self._line.send(CONTINUE)
        if self._pace is None:
            self._pace = Pace(self._line.limits)
        before = len(self._line.received)
        seconds = await self._line.receive(self._pace.seconds)
        self._pace.waited(seconds, len(self._line.received) - before)
