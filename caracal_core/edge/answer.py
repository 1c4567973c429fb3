"""The answer to one request on its way out: streamed as it comes, or not believed at all."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable

from caracal_core.domain import Reply
from caracal_core.edge.body import NoBody, StreamedBody
from caracal_core.edge.line import Line
from caracal_core.edge.outbound import BODILESS, own_answer, problem, reply_head
from caracal_core.errors import (
    Answered,
    Failure,
    PayloadTooLarge,
    RequestTimeout,
    UpgradeRefused,
    UpstreamBrokenReply,
)

Settle = Callable[[], Awaitable[None]]

_LAST = (PayloadTooLarge, RequestTimeout, UpgradeRefused)
"""Refusals after which a connection is not believed any more."""

ABANDON_SECONDS = 1.0
"""How long a body that is not read to its end may take to clean up."""

_log = logging.getLogger("caracal.edge")


class Answer:
    """One request's answer.

    Either it goes out whole, or the connection is cut: a client can never take a part of a
    reply for the whole of it.

    Args:
        line: the connection.
        id: the exchange's id.
        method: the request's method; empty where it could not be read.
        body: the request's body; None where the connection cannot be used again anyway.
        keep_alive: whether the client can send another request.
        old: whether the client speaks HTTP/1.0.

    Attributes:
        begun: whether a first byte of it went out.
        finished: whether it went out whole.
    """

    __slots__ = (
        "_body",
        "_delivering",
        "_head_only",
        "_id",
        "_keep",
        "_line",
        "_old",
        "begun",
        "finished",
    )

    def __init__(
        self,
        line: Line,
        id: str,
        method: str = "",
        body: NoBody | StreamedBody | None = None,
        *,
        keep_alive: bool = False,
        old: bool = False,
    ) -> None:
        self._line = line
        self._id = id
        self._head_only = method == "HEAD"
        self._body = body
        self._keep = keep_alive
        self._old = old
        self._delivering = self.begun = self.finished = False

    async def deliver(self, reply: Reply, settle: Settle) -> None:
        """Write an upstream's reply; ``settle`` is awaited before its last byte leaves.

        Raises:
            UpstreamBrokenReply: its head is malformed, or its body broke or is not as long
                as declared. Where a part of it is out already, the connection is cut.
            CancelledError: the client hung up, or took nothing for too long.
        """
        if self.begun:
            raise RuntimeError("a request is answered once")
        self._delivering = True
        try:
            if self._head_only or reply.status in BODILESS:
                await self._deliver_head(reply, settle)
            elif reply.length is not None:
                await self._deliver_sized(reply, settle, reply.length)
            else:
                await self._deliver_stream(reply, settle)
        except BaseException:
            self._cut()
            await _abandon(reply.body)
            raise
        self.finished = True

    async def refuse(self, error: Answered) -> None:
        """Write a refusal or a failure; cut the connection where a reply had begun."""
        if self.finished:
            return
        if self._cut():
            return
        self._keep = self._keep and not isinstance(error, _LAST)
        await self._send(self._worded(error))
        self.finished = True

    async def fail(self, failure: Failure) -> None:
        """Log what broke behind the edge, write it as a failure, and end the connection."""
        _log.error("exchange %s: %s", self._id, failure)
        self._keep = False
        await self.refuse(failure)

    def broken_off(self, failure: Failure) -> bytes | None:
        """Return the failure as it is to be written now, where no reply came yet, else None.

        It is the whole answer then: nothing that is still under way can write another one.
        """
        if self.begun or self._delivering:
            return None
        self._keep = False
        data = self._worded(failure)
        self.begun = self.finished = True
        return data

    async def say(self, status: int, word: str) -> None:
        """Write a word of the gateway's own."""
        headers = [("content-type", "text/plain"), ("cache-control", "no-store")]
        await self._send(
            own_answer(
                status,
                headers,
                word.encode(),
                self._id,
                self._ending(),
                with_body=not self._head_only,
            )
        )
        self.finished = True

    @property
    def keeps_alive(self) -> bool:
        """Whether it went out whole and told the client that it may send another request."""
        return self.finished and self._keep

    def _cut(self) -> bool:
        """Cut the connection where a first byte went out; return whether it did."""
        if self.begun:
            self._line.abort()
        return self.begun

    def _worded(self, error: Answered) -> bytes:
        """Word an error; one that a plugin made so that it cannot be worded is a failure."""
        ending, with_body = self._ending(), not self._head_only
        try:
            return problem(error, self._id, ending, with_body=with_body)
        except Exception as fault:  # noqa: BLE001 - whatever a plugin's own error class does
            _log.error("%s cannot be worded: %s", type(error).__name__, type(fault).__name__)
            failure = Failure("edge", "an error that cannot be worded")
            return problem(failure, self._id, ending, with_body=with_body)

    async def _deliver_head(self, reply: Reply, settle: Settle) -> None:
        """Write a reply that has no body, whatever its stream says."""
        framing = ""
        if self._head_only and reply.length is not None and reply.status not in BODILESS:
            framing = f"content-length: {reply.length}\r\n"
        head = reply_head(reply, self._id, framing + self._ending())
        async for data in reply.body:
            if data:
                await _abandon(reply.body)
                break
        await settle()
        await self._send(head)

    async def _deliver_sized(self, reply: Reply, settle: Settle, length: int) -> None:
        """Write a reply of a declared length; its last bytes wait for the settlement."""
        framing = f"content-length: {length}\r\n"
        waiting = reply_head(reply, self._id, framing + self._ending())
        left = length
        async for data in reply.body:
            left -= len(data)
            if left < 0:
                raise UpstreamBrokenReply("edge", "the reply is longer than it declared")
            waiting += data
            if left and data:
                await self._send(waiting)
                waiting = b""
        if left:
            raise UpstreamBrokenReply("edge", "the reply is shorter than it declared")
        await settle()
        await self._send(waiting)

    async def _deliver_stream(self, reply: Reply, settle: Settle) -> None:
        """Write a reply of unknown length; its end waits for the settlement.

        HTTP/1.0 knows no chunks: there the end of the connection ends the reply.
        """
        framing = "" if self._old else "transfer-encoding: chunked\r\n"
        await self._send(reply_head(reply, self._id, framing + self._ending()))
        async for data in reply.body:
            if data:
                await self._send(data if self._old else b"%x\r\n%b\r\n" % (len(data), data))
        await settle()
        if not self._old:
            await self._send(b"0\r\n\r\n")

    async def _send(self, data: bytes) -> None:
        self.begun = True
        await self._line.send(data)

    def _ending(self) -> str:
        """Decide whether the connection outlives this answer, and say so."""
        body = self._body
        if body is not None:
            body.leave_unasked()
        self._keep = self._keep and body is not None and body.whole and self._line.accepting
        return "" if self._keep else "connection: close\r\n"


async def _abandon(body: AsyncIterator[bytes]) -> None:
    """End a body that is not read to its end while its upstream still stands."""
    close = getattr(body, "aclose", None)
    if close is None:
        return
    try:
        async with asyncio.timeout(ABANDON_SECONDS):
            await close()
    except Exception as error:  # noqa: BLE001 - the answer's own end must not be hidden
        _log.warning("a reply's body did not end: %s", type(error).__name__)
