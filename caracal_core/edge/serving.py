"""The requests of one connection, one after the other, and how the connection ends."""

from __future__ import annotations

import asyncio
import logging
from time import monotonic

from caracal_core.domain import Connection
from caracal_core.edge.answer import Answer
from caracal_core.edge.app import GatewayApp, is_cancelled
from caracal_core.edge.inbound import read_head, receive_request
from caracal_core.edge.line import Line
from caracal_core.errors import Answered, Failure, RequestTimeout

_log = logging.getLogger("caracal.edge")


class Serving:
    """Serves one connection.

    Args:
        line: the connection.
        app: answers the requests.
        connection: the connection as requests name it.

    Attributes:
        idle: whether no request is being received or served.
    """

    __slots__ = ("_answer", "_app", "_connection", "_line", "idle")

    def __init__(self, line: Line, app: GatewayApp, connection: Connection) -> None:
        self._line = line
        self._app = app
        self._connection = connection
        self._answer: Answer | None = None
        self.idle = True

    def broken_off(self, failure: Failure) -> bytes | None:
        """Return how to answer the request that is served, where no reply to it came yet."""
        return None if self._answer is None else self._answer.broken_off(failure)

    async def run(self) -> None:
        """Serve requests until the connection cannot be used again."""
        try:
            while await self._await_request():
                if not await self._serve_request() or is_cancelled():
                    break  # a client that is gone may have sent more than it heard
        except asyncio.CancelledError:
            pass  # the client hung up, or the house closes
        except Exception as error:  # noqa: BLE001 - nobody awaits this task
            _log.error("serving a connection broke: %s", type(error).__name__)

    async def _await_request(self) -> bool:
        """Wait for a first byte; return False where none came in time."""
        if not self._line.received:
            self.idle = True
            try:
                await self._line.receive(self._line.limits.keep_alive_seconds)
            except RequestTimeout:
                return False
        self.idle = False
        return True

    async def _serve_request(self) -> bool:
        """Serve one request; return whether another one may follow."""
        line = self._line
        try:
            head = await read_head(line)
        except Answered as error:
            await self._app.turn_away(line, self._connection.peer, error)
            await self._linger()
            return False
        line.relieve()
        request, body = receive_request(head, line, self._connection)
        answer = self._answer = Answer(
            line, request.id, head.method, body, keep_alive=head.keep_alive, old=head.old
        )
        await self._app.handle_request(request, answer)
        self._answer = None
        if body.skip():
            return answer.keeps_alive
        await self._linger()
        return False

    async def _linger(self) -> None:
        """Throw away what the client still sends, so that it gets to read its answer.

        A connection that is closed while bytes of the client's are unread is reset, and a
        reset can overtake the answer (RFC 9112 section 9.6).
        """
        line, limits = self._line, self._line.limits
        line.end_writing()
        until = monotonic() + limits.linger_seconds
        left = limits.linger_bytes - len(line.received)
        try:
            while left > 0:
                line.received.clear()
                await line.receive(until - monotonic())
                left -= len(line.received)
        except RequestTimeout:
            pass
