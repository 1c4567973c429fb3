"""What came: one request, read but not yet believed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Protocol

from msgspec import Struct

from caracal_core.domain.headers import Headers


class Connection(Struct, frozen=True):
    """The connection a request came over.

    Attributes:
        peer: the address of the other end as text. Forwarded headers never change it.
        tls: whether the connection is encrypted.
        certificate: the client's own certificate (DER), proved by TLS, or None.
        issuers: what TLS proved it by (DER), from its issuer up to the authority. Whoever judges
            the certificate later has to ask whether that authority is still believed.
    """

    peer: str
    tls: bool = False
    certificate: bytes | None = None
    issuers: tuple[bytes, ...] = ()


class Body(Protocol):
    """A request's body: a stream that is read once, counted as it comes.

    Reading raises `PayloadTooLarge` past the cap, `RequestTimeout` where the client is too
    slow, and `BadRequest` where its framing is wrong. A client that hangs up cancels the
    reader.
    """

    @property
    def length(self) -> int | None:
        """The declared length in bytes; 0 where there is no body, None where it is chunked."""

    @property
    def whole(self) -> bool:
        """Whether what was not read of it is known to be here whole: reading waits for nobody."""

    @property
    def count(self) -> int:
        """How many bytes of it came so far."""

    def cap(self, most: int) -> None:
        """Allow at most ``most`` bytes; raises `PayloadTooLarge` at once if more are declared."""

    async def peek(self, most: int) -> bytes:
        """Read the whole body of at most ``most`` bytes and keep it to be streamed again.

        Raises:
            PayloadTooLarge: the body is longer.
        """

    def __aiter__(self) -> AsyncIterator[bytes]:
        """Yield the body's bytes, once."""


class Request(Struct, frozen=True):
    """One request as the client sent it, strictly parsed.

    Attributes:
        id: our own name for this exchange, 32 hexadecimal digits.
        method: the method, upper-case as sent.
        path: the path byte for byte as sent (ASCII), without the query. What policies judge
            is what the upstream gets.
        query: what stood after ``?``, without it; empty where there was none.
        headers: the fields as sent; identity headers in it prove nothing.
        body: the stream of the body.
        connection: where it came from.
        received_at: unix seconds when the head was complete.
        began_at: the same instant in seconds that never go back (`Clock.monotonic`), for measuring.
    """

    id: str
    method: str
    path: str
    query: str
    headers: Headers
    body: Body
    connection: Connection
    received_at: float
    began_at: float
