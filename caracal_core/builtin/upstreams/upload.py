"""A request on its way to an upstream: head and body, as fast as both sides allow."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from time import monotonic

from caracal_core.builtin.upstreams.connection import HttpConnection
from caracal_core.domain import Body
from caracal_core.errors import BadRequest, RequestTimeout

INLINE_BYTES = 64 * 1024
"""A body of at most this length that is here whole is sent before the reply is looked for. Any
other is sent beside it, since the upstream may answer half-way, or close."""


class Upload:
    """Sends one request; it ends early where the upstream answers or breaks first.

    Whatever the body raises passes unchanged. The upstream has got no complete request then,
    unless every declared byte had come before.

    Args:
        connection: a connection that expects the reply already.
        body: the client's, read once.
        on_sent: called just before the first byte leaves.
        seconds: how long all of it may take. The edge bounds how slow a client is; this bounds
            for how long it keeps a connection that others wait for.

    Attributes:
        complete: whether the whole request was handed to the connection.
        trouble: what the body raised while the reply was awaited.
    """

    __slots__ = (
        "_body",
        "_connection",
        "_on_sent",
        "_stopped",
        "_task",
        "_until",
        "complete",
        "trouble",
    )

    def __init__(
        self,
        connection: HttpConnection,
        body: Body,
        on_sent: Callable[[], None],
        seconds: float,
    ) -> None:
        self._connection = connection
        self._body = body
        self._on_sent = on_sent
        self._task: asyncio.Task[None] | None = None
        self._stopped = False
        self._until = monotonic() + seconds
        self.complete = False
        self.trouble: BaseException | None = None

    async def start(self, head: bytes) -> None:
        """Send a short request that is here whole, or begin to send another."""
        length = self._body.length
        if length == 0:
            self.complete = await self._put(head, first=True)
        elif length is not None and length <= INLINE_BYTES and self._body.whole:
            await self._send_bytes(head, length)
        else:
            self._task = asyncio.create_task(self._send_beside(head, length))

    async def stop(self) -> None:
        """Send no more; the connection is only good for another request where all was sent."""
        self._stopped = True
        if self._task is not None and not self._task.done():
            self._task.cancel()
            await asyncio.wait({self._task})

    async def _send_beside(self, head: bytes, length: int | None) -> None:
        """Send while the reply is awaited; break that off where this fails."""
        try:
            if length is None:
                await self._send_chunks(head)
            else:
                await self._send_bytes(head, length)
        except BaseException as error:  # noqa: BLE001 - it is raised where the reply is awaited
            if not self._stopped:
                self.trouble = error
                self._connection.abort()

    async def _send_bytes(self, head: bytes, length: int) -> None:
        """Send a body of a declared length, the head together with its first piece."""
        left = length
        async for data in self._body:
            left -= len(data)
            if left < 0:
                raise BadRequest("The body is longer than it was declared to be.")
            if not await self._put(head + data if head else data, first=bool(head)):
                return
            head = b""
            self.complete = left == 0
        if left:
            raise BadRequest("The body is shorter than it was declared to be.")

    async def _send_chunks(self, head: bytes) -> None:
        """Send a body of unknown length in chunks (RFC 9112 section 7.1)."""
        async for data in self._body:
            if not data:
                continue
            if not await self._put(b"%b%x\r\n%b\r\n" % (head, len(data), data), first=bool(head)):
                return
            head = b""
        self.complete = await self._put(head + b"0\r\n\r\n", first=bool(head))

    async def _put(self, data: bytes, first: bool) -> bool:
        """Hand bytes to the connection; False where the upstream wants no more of them."""
        if self._connection.answered or self._connection.broken:
            return False
        if monotonic() > self._until:  # looked at with each piece, so no timer runs
            raise RequestTimeout("The upload did not end in time.")
        if first:
            self._on_sent()
        self._connection.write(data)
        await self._connection.drain()
        return True
