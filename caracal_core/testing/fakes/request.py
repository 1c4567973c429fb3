"""Requests without a socket."""

from __future__ import annotations

from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Awaitable,
    Callable,
    Iterable,
    Mapping,
    Sequence,
)
from contextlib import aclosing
from secrets import token_hex

from caracal_core.domain import Connection, Headers, Request
from caracal_core.errors import PayloadTooLarge

Fields = Mapping[str, str] | Iterable[tuple[str, str]]


class FakeBody:
    """A request's body in memory, with the manners of one that comes over a socket.

    Args:
        chunks: what it yields.
        chunked: whether its length is undeclared, as with ``Transfer-Encoding: chunked``.
        breaks: what reading raises once the chunks are through, such as `RequestTimeout`.
        between: awaited before each chunk but the first, for a client that takes its time.
    """

    def __init__(
        self,
        chunks: Sequence[bytes] = (),
        *,
        chunked: bool = False,
        breaks: BaseException | None = None,
        between: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        self._chunks = list(chunks)
        self._length = None if chunked else sum(map(len, chunks))
        self._breaks = breaks
        self._between = between
        self._most: int | None = None
        self._begun = False
        self.count = 0

    @property
    def length(self) -> int | None:
        return self._length

    @property
    def whole(self) -> bool:
        return self._between is None

    def cap(self, most: int) -> None:
        self._most = most
        if self._length is not None and self._length > most:
            raise PayloadTooLarge

    async def peek(self, most: int) -> bytes:
        seen = b""
        async with aclosing(self._read()) as chunks:
            async for data in chunks:
                seen += data
                if len(seen) > most:
                    raise PayloadTooLarge
        self._chunks = [seen] if seen else []
        return seen

    async def __aiter__(self) -> AsyncIterator[bytes]:
        if self._begun:
            raise RuntimeError("a body is streamed once")
        self._begun = True
        async with aclosing(self._read()) as chunks:
            async for data in chunks:
                yield data

    async def _read(self) -> AsyncGenerator[bytes, None]:
        count = 0
        for place, data in enumerate(self._chunks):
            if place and self._between is not None:
                await self._between()
            count += len(data)
            self.count = max(self.count, count)
            if self._most is not None and count > self._most:
                raise PayloadTooLarge
            yield data
        if self._breaks is not None:
            raise self._breaks


def a_request(
    method: str = "GET",
    path: str = "/",
    *,
    headers: Fields = (),
    body: bytes | FakeBody = b"",
    certificate: bytes | None = None,
    issuers: tuple[bytes, ...] = (),
    peer: str = "127.0.0.1",
    received_at: float = 1_800_000_000.0,
    began_at: float = 0.0,
) -> Request:
    """Make a request as the edge would have parsed it.

    Args:
        method: the method.
        path: the path, with the query after ``?`` if there is one.
        headers: the fields; their names are lower-cased here.
        body: the whole body, or a `FakeBody`.
        certificate: the client's certificate (DER) as TLS proved it.
        issuers: what TLS proved it by (DER), up to the authority.
        peer: address of the client.
        received_at: unix seconds when the head was complete.
        began_at: the same instant as `FakeClock.monotonic` tells it.
    """
    pairs = headers.items() if isinstance(headers, Mapping) else headers
    bare, _, query = path.partition("?")
    if isinstance(body, bytes):
        body = FakeBody([body] if body else [])
    connection = Connection(peer, certificate is not None, certificate, issuers)
    return Request(
        id=token_hex(16),
        method=method,
        path=bare,
        query=query,
        headers=Headers((name.lower(), value) for name, value in pairs),
        body=body,
        connection=connection,
        received_at=received_at,
        began_at=began_at,
    )
