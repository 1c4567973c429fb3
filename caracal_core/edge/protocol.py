"""One connection: Sanic's place for a protocol, without Sanic's framing and timers.

Sanic accepts, keeps the set of connections and lends its base protocol. What happens on a
connection is ours: a strict head, a paced body, one answer, and again.

While a request is served, what the client sends beyond it stays in the buffer, and reading
is paused once there is `PAUSE_BYTES` of it. A loop that does not read does not hear that the
client hung up; therefore the connection's timer asks the kernel while reading is paused, and
a hang-up is noticed after at most the shortest of the limits' times. Where the client sent so
much that its hang-up is stuck behind it in its own kernel, nobody can know until the next
write, or until the corridor's own deadlines end the exchange.
"""

from __future__ import annotations

import asyncio
from math import inf
from time import monotonic
from typing import Any, NoReturn

from sanic.server.protocols.base_protocol import SanicProtocol

from caracal_core.edge.app import GatewayApp
from caracal_core.edge.inbound import describe_connection
from caracal_core.edge.limits import Limits
from caracal_core.edge.peer import has_hung_up
from caracal_core.edge.serving import Serving
from caracal_core.edge.watch import Watch
from caracal_core.errors import Failure, RequestTimeout

PAUSE_BYTES = 65_536
"""How much may wait in a connection's buffer before reading is paused."""


class EdgeProtocol(SanicProtocol):
    """A client's connection; a `Line` to those who read from it and write to it.

    Attributes:
        limits: the bounds on this client.
        received: what came and was not read yet.
    """

    __slots__ = (
        "_arrival",
        "_paused",
        "_serving",
        "_untaken",
        "_watch",
        "limits",
        "received",
    )

    app: GatewayApp
    transport: asyncio.Transport | None
    _serving: Serving
    _watch: Watch

    def __init__(self, *, app: GatewayApp, **settings: Any) -> None:
        """Take what Sanic's server gives to every protocol."""
        super().__init__(app=app, **settings)
        self.limits: Limits = app.door.limits
        self.received = bytearray()
        self._arrival: asyncio.Future[None] | None = None
        self._paused = False
        self._untaken = 0

    @property
    def accepting(self) -> bool:
        """Whether further requests are welcome on this connection."""
        return self.app.door.accepting

    def relieve(self) -> None:
        """Let more bytes come, unless too many are here."""
        if self._paused and len(self.received) < PAUSE_BYTES and self.transport is not None:
            self._paused = False
            self.transport.resume_reading()

    async def receive(self, seconds: float) -> float:
        """Wait for more bytes and return the seconds that it took.

        Raises:
            RequestTimeout: none came in ``seconds``.
            CancelledError: the client hung up.
        """
        if self.transport is None:
            await self._leave()
        self.relieve()
        began = monotonic()
        self._watch.read_until(began + seconds)
        if self._arrival is not None:
            self._arrival.cancel()  # a reader that outlived its exchange
        arrival = self._arrival = self.loop.create_future()
        try:
            await arrival
        finally:
            if self._arrival is arrival:
                self._arrival = None
                self._watch.reading = inf
        return monotonic() - began

    async def send(self, data: bytes) -> None:
        """Write, after the client took most of what was written before.

        Raises:
            CancelledError: the client hung up, or took nothing for too long.
        """
        if not self._can_write.is_set():
            await self._can_write.wait()
        if self.transport is None or self.transport.is_closing():
            await self._leave()
        else:
            self.transport.write(data)

    def abort(self) -> None:
        """Cut the connection, so that the client cannot take what it got for all."""
        if self.transport is not None:
            self.transport.abort()

    def break_off(self) -> None:
        """End the connection since the gateway stops; who waits for a reply is told that it does.

        What is written here may be lost where the client takes nothing or still sends its body.
        """
        data = self._serving.broken_off(Failure("gateway", "it stops"))
        if data is None or self.transport is None or self.transport.is_closing():
            self.abort()
        else:
            self.transport.write(data)
            self.close()

    def end_writing(self) -> None:
        """Tell the client that nothing more will come, where TLS does not stand between."""
        transport = self.transport
        if transport is not None and not transport.is_closing() and transport.can_write_eof():
            transport.write_eof()

    async def _leave(self) -> NoReturn:
        """End the calling task as a hang-up does, for it may have missed the hang-up itself."""
        task = asyncio.current_task()
        if task is not None:
            task.cancel()
        await asyncio.sleep(0)
        raise asyncio.CancelledError

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to serve, or close at once where there are too many connections."""
        super().connection_made(transport)  # type: ignore[no-untyped-call]  # Sanic's
        self._watch = Watch(self.loop, self.limits, self._look)
        self._serving = Serving(self, self.app, describe_connection(transport))
        if len(self.connections) > self.limits.connections:
            transport.abort()
        else:
            self._task = self.loop.create_task(self._serve())

    def data_received(self, data: bytes) -> None:
        """Keep what came, and wake whoever waits for it."""
        self.received += data
        if len(self.received) >= PAUSE_BYTES and self.transport is not None:
            self._paused = True
            self.transport.pause_reading()
        if self._arrival is not None and not self._arrival.done():
            self._arrival.set_result(None)

    def pause_writing(self) -> None:
        """Stop writing until the client took something, which it must do in time."""
        self._can_write.clear()
        self._await_writing()

    def resume_writing(self) -> None:
        """Go on writing."""
        self._can_write.set()
        self._watch.writing = inf

    def connection_lost(self, exc: Exception | None) -> None:
        """Cancel the request that is served: there is nobody left to answer."""
        super().connection_lost(exc)  # type: ignore[no-untyped-call]  # Sanic's
        self._watch.end()
        self.transport = None
        if self._arrival is not None and not self._arrival.done():
            self._arrival.cancel()  # its reader may be another task than the connection's

    def close(self, timeout: float | None = None) -> None:  # noqa: ARG002 - as Sanic has it
        """Close once what was written is gone; a client that does not take it is cut off."""
        if self.transport is not None and not self.transport.is_closing():
            self._await_writing()
            self.transport.close()

    def close_if_idle(self) -> bool:
        """Close unless a request is being received or served; return whether it was closed."""
        if self._serving.idle:
            self.close()
        return self._serving.idle

    async def _serve(self) -> None:
        """Serve the connection to its end."""
        try:
            await self._serving.run()
        finally:
            self._task = None
            self.close()

    def _look(self) -> None:
        """Look for deadlines that have passed, and for a client that left unheard."""
        now = monotonic()
        if now >= self._watch.reading:
            self._watch.reading = inf
            if self._arrival is not None and not self._arrival.done():
                self._arrival.set_exception(RequestTimeout())
        if now >= self._watch.writing:
            self._look_at_writing()
        if self._paused and self.transport is not None and has_hung_up(self.transport):
            self.abort()

    def _await_writing(self) -> None:
        """Set when the client must have taken something of what is waiting for it."""
        if self.transport is not None:
            self._untaken = self.transport.get_write_buffer_size()
            self._watch.write_until(monotonic() + self.limits.write_stall_seconds)

    def _look_at_writing(self) -> None:
        """Cut off a client that took nothing since the last look."""
        if self.transport is not None and self.transport.get_write_buffer_size() < self._untaken:
            self._await_writing()
        else:
            self.abort()
