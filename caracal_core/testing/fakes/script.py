"""What the far side of an upstream can be told to do with the next request.

`FakeUpstream` plays these in memory and `Origin` plays them over a real socket, so one
script serves both.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from typing import TypeAlias

from msgspec import Struct

from caracal_core.domain import Headers


class Answer(Struct, frozen=True):
    """Reply cleanly.

    Attributes:
        status: the status.
        headers: fields beside the framing's own.
        chunks: the body.
        declared: whether the length is declared; otherwise the body is chunked.
    """

    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    chunks: tuple[bytes, ...] = (b"ok",)
    declared: bool = True


class Echo(Struct, frozen=True):
    """Reply 200, and the body is the request's target, a line feed and the request's body."""


class Cut(Struct, frozen=True):
    """Reply with a head and these chunks, and break off though more was declared.

    Attributes:
        chunks: what still arrives of the body.
        declared: whether a length was declared; otherwise the chunked body lacks its end.
    """

    chunks: tuple[bytes, ...] = (b"half",)
    declared: bool = True


class Hold(Struct, frozen=True):
    """Reply with a head and a first chunk, and then nothing until the caller leaves."""

    first: bytes = b"first"


class Silence(Struct, frozen=True):
    """Take the request and say nothing until the caller leaves."""


class Reset(Struct, frozen=True):
    """Take the request and break the connection without a head."""


class Garbage(Struct, frozen=True):
    """Answer with something that is not the protocol's."""


Step: TypeAlias = Answer | Echo | Cut | Hold | Silence | Reset | Garbage


class Received(Struct, frozen=True):
    """A request as it arrived on the far side.

    Attributes:
        method: the method.
        target: path and query, byte for byte.
        headers: the fields, names lower-cased.
        body: the whole body.
    """

    method: str
    target: str
    headers: Headers
    body: bytes


async def stream(chunks: Iterable[bytes]) -> AsyncIterator[bytes]:
    """Yield the chunks as a body does."""
    for data in chunks:
        yield data
