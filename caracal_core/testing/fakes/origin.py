"""A real HTTP server on a loopback socket, for upstreams that dial one.

It is written against the wire and not against an HTTP library, so that it can break the
protocol where its script says so.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
from types import TracebackType
from typing import Self

from caracal_core.domain import Headers
from caracal_core.testing.fakes.far_side import FarSide
from caracal_core.testing.fakes.script import (
    Answer,
    Cut,
    Echo,
    Garbage,
    Hold,
    Received,
    Reset,
    Silence,
    Step,
)

LARGEST_HEAD = 2**18


class Origin(FarSide):
    """An asynchronous context manager: inside it, ``url`` answers.

    Args:
        tls: serve with this context instead of in the clear.
    """

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        super().__init__()
        self._tls = tls
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._handlers: set[asyncio.Task[None]] = set()
        self.port = 0

    @property
    def url(self) -> str:
        """Where it listens, such as ``http://127.0.0.1:40001``."""
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}"

    @property
    def open_connections(self) -> int:
        """How many connections are open, idle ones of a pool included."""
        return len(self._writers)

    async def leave(self) -> None:
        """Close the port and every connection; it refuses from now on.

        Raises:
            ValueError: what arrived was no HTTP.
        """
        if self._server is not None:
            self._server.close()
        for writer in tuple(self._writers):
            writer.transport.abort()
        await asyncio.gather(*self._handlers)

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(
            self._accept, "127.0.0.1", 0, ssl=self._tls, limit=LARGEST_HEAD
        )
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.leave()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._handlers.add(asyncio.create_task(self._serve(reader, writer)))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer request after request until either side has enough."""
        self._writers.add(writer)
        try:
            while await self._exchange(reader, writer):
                pass
        except (OSError, asyncio.IncompleteReadError):
            pass  # the other side is gone, which is what half of the tests are about
        finally:
            self._writers.discard(writer)
            writer.close()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Take one request and play the next step; return whether the connection goes on."""
        head = await reader.readuntil(b"\r\n\r\n")
        self.begin()
        try:
            received = await _receive(head, reader)
            return await _Play(reader, writer, received).step(self.next_step(received))
        finally:
            self.end()


async def _receive(head: bytes, reader: asyncio.StreamReader) -> Received:
    """Read the rest of a request."""
    start, *lines = head.decode("latin-1").removesuffix("\r\n\r\n").split("\r\n")
    method, target, _ = start.split(" ")
    fields = [line.partition(":") for line in lines]
    headers = Headers((name.lower(), value.strip()) for name, _, value in fields)
    return Received(method, target, headers, await _body(headers, reader))


async def _body(headers: Headers, reader: asyncio.StreamReader) -> bytes:
    if headers.get("transfer-encoding") != "chunked":
        return await reader.readexactly(int(headers.get("content-length") or 0))
    body = b""
    while size := int(await reader.readuntil(b"\r\n"), 16):
        body += await reader.readexactly(size)
        await reader.readuntil(b"\r\n")
    await reader.readuntil(b"\r\n")
    return body


class _Play:
    """What one step writes to the wire."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, received: Received
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._received = received

    async def step(self, step: Step) -> bool:
        """Do what the script says; return whether the connection goes on."""
        match step:
            case Answer():
                self._answer(step)
            case Echo():
                echo = self._received.target.encode() + b"\n" + self._received.body
                self._answer(Answer(chunks=(echo,)))
            case Cut():
                self._begin_body(step.chunks, step.declared)
            case Hold():
                self._begin_body((step.first,), declared=False)
                await self._reader.read()
            case Silence():
                await self._reader.read()
            case Reset():
                self._reset()
            case Garbage():
                self._writer.write(b"\x00\x01 this is not HTTP\r\n\r\n")
        await self._writer.drain()
        return isinstance(step, Answer | Echo)

    def _reset(self) -> None:
        """Break the connection with a RST, and not with a polite FIN."""
        wire = self._writer.get_extra_info("socket")
        wire.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._writer.transport.abort()

    def _answer(self, answer: Answer) -> None:
        """Write a whole reply."""
        length = sum(map(len, answer.chunks))
        framing = f"content-length: {length}" if answer.declared else "transfer-encoding: chunked"
        if answer.status == 204:  # noqa: PLR2004 - RFC 9110: No Content has no framing
            framing = "x-framing: none"
        self._head(answer.status, answer.headers, framing)
        if self._received.method == "HEAD" or answer.status in {204, 304}:
            return
        for data in answer.chunks:
            self._writer.write(data if answer.declared else b"%x\r\n%b\r\n" % (len(data), data))
        if not answer.declared:
            self._writer.write(b"0\r\n\r\n")

    def _begin_body(self, chunks: tuple[bytes, ...], declared: bool) -> None:
        """Write a head and a part of what it promised."""
        length = sum(map(len, chunks)) + 1
        self._head(
            200, (), f"content-length: {length}" if declared else "transfer-encoding: chunked"
        )
        for data in chunks:
            self._writer.write(data if declared else b"%x\r\n%b\r\n" % (len(data), data))

    def _head(self, status: int, headers: tuple[tuple[str, str], ...], framing: str) -> None:
        lines = [
            f"HTTP/1.1 {status} Test",
            *(f"{name}: {value}" for name, value in headers),
            framing,
        ]
        self._writer.write("\r\n".join([*lines, "", ""]).encode("latin-1"))
