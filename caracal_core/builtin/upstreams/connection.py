"""One connection to an upstream: a request out, its reply in, never faster than it is read."""

from __future__ import annotations

import asyncio
import select
from typing import cast

from caracal_core.builtin.upstreams.reply_parser import BrokenReply, NoReply, ReplyHead, ReplyParser

BUFFER_BYTES = 128 * 1024
"""How much of a body may wait for its reader before the upstream is made to wait."""


class HttpConnection(asyncio.Protocol):
    """An HTTP/1.1 connection that carries one request at a time.

    `BrokenReply` is raised from every verb that waits, once the upstream broke HTTP or the
    connection; what was read before stays to be read. Before the head is here, `NoReply` says that
    only the connection ended.
    """

    __slots__ = (
        "_broken",
        "_closed",
        "_drained",
        "_held_back",
        "_loop",
        "_parser",
        "_pending",
        "_polled",
        "_reader",
        "_transport",
        "_waiting",
        "_writable",
        "idle_since",
    )

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._closed = self._loop.create_future()
        self._transport: asyncio.Transport | None = None
        self._polled = select.poll()
        self._parser: ReplyParser | None = None
        self._broken: BrokenReply | None = None
        self._pending: list[bytes] = []
        self._waiting = 0
        self._reader: asyncio.Future[None] | None = None
        self._drained: asyncio.Future[None] | None = None
        self._writable = True
        self._held_back = False
        self.idle_since = 0.0

    def begin(self, method: str) -> None:
        """Expect the reply to a request of this method."""
        self._parser = ReplyParser(method)

    def write(self, data: bytes) -> None:
        """Send bytes of the request; they are dropped once the connection is broken."""
        if self._transport is not None and self._broken is None:
            self._transport.write(data)

    async def drain(self) -> None:
        """Wait until the upstream takes more, answers, or breaks."""
        if self._writable or self.answered or self._broken is not None:
            return
        self._drained = self._loop.create_future()
        await self._drained

    @property
    def answered(self) -> bool:
        """Whether the head of the final reply is here."""
        return self._parser is not None and self._parser.head is not None

    @property
    def broken(self) -> bool:
        """Whether nothing more can be sent or will come."""
        return self._broken is not None

    async def head(self) -> ReplyHead:
        """Return the head of the final reply."""
        parser = self._expected()
        while parser.head is None:
            await self._more()
        return parser.head

    async def read(self) -> bytes:
        """Return what came of the body, or nothing at its end."""
        parser = self._expected()
        while not self._pending:
            if parser.complete:
                return b""
            await self._more()
        data = b"".join(self._pending)
        self._pending.clear()
        self._waiting = 0
        if self._held_back and self._transport is not None:
            self._held_back = False
            self._transport.resume_reading()
        return data

    def finish(self) -> bool:
        """End the exchange; return whether the connection may carry another one."""
        parser, self._parser = self._parser, None
        self._pending.clear()
        self._waiting = 0
        return (
            parser is not None
            and parser.complete
            and parser.keep_alive
            and self._broken is None
            and not self._held_back
        )

    def is_fit(self) -> bool:
        """Whether an idle connection can be used: open, and nothing came since its last reply.

        It asks the kernel, since the loop may not have seen yet that the upstream closed.
        """
        return self._broken is None and not self._polled.poll(0)

    def abort(self) -> None:
        """Close at once; what was written and not yet sent is dropped."""
        if self._transport is not None:
            self._transport.abort()
        self._break(NoReply("the connection was closed"))

    async def wait_closed(self) -> None:
        """Wait until the socket is closed."""
        await asyncio.shield(self._closed)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        socket = transport.get_extra_info("socket")
        self._polled.register(socket.fileno(), select.POLLIN)

    def data_received(self, data: bytes) -> None:
        parser = self._parser
        if parser is None:
            self.abort()
            return
        answered = parser.head is not None
        try:
            parser.feed(data)
        except BrokenReply as broken:
            self._break(broken)
            self.abort()
        self._keep(parser.take())
        if self._waiting > BUFFER_BYTES and not parser.complete:
            self._hold_back()
        _wake(self._reader)
        if not answered:
            _wake(self._drained)

    def eof_received(self) -> None:
        self._end()

    def connection_lost(self, exc: Exception | None) -> None:
        if exc is None:
            self._end()
        else:
            self._break(NoReply(f"the connection was lost: {type(exc).__name__}"))
        if not self._closed.done():
            self._closed.set_result(None)

    def pause_writing(self) -> None:
        self._writable = False

    def resume_writing(self) -> None:
        self._writable = True
        _wake(self._drained)

    def _expected(self) -> ReplyParser:
        """Return the parser of the running exchange."""
        if self._parser is None:
            raise BrokenReply("no reply is expected")
        return self._parser

    async def _more(self) -> None:
        """Wait for more of the reply."""
        if self._broken is not None:
            raise self._broken
        self._reader = self._loop.create_future()
        await self._reader

    def _keep(self, data: bytes) -> None:
        """Let a piece of the body wait for its reader."""
        if data:
            self._pending.append(data)
            self._waiting += len(data)

    def _hold_back(self) -> None:
        """Make the upstream wait for the reader."""
        if not self._held_back and self._transport is not None:
            self._held_back = True
            self._transport.pause_reading()

    def _end(self) -> None:
        """Take the orderly end of the connection."""
        broken: BrokenReply = NoReply("the connection was closed")
        if self._parser is not None and self._broken is None:
            try:
                self._parser.end()
            except BrokenReply as reason:
                broken = reason
        self._break(broken)

    def _break(self, broken: BrokenReply) -> None:
        """Remember the first reason why nothing more will come, and wake who waits."""
        if self._broken is None:
            self._broken = broken
        _wake(self._reader)
        _wake(self._drained)


def _wake(waiter: asyncio.Future[None] | None) -> None:
    if waiter is not None and not waiter.done():
        waiter.set_result(None)
