"""One listening address, and the connections that came through it."""

from __future__ import annotations

import asyncio
import os
import socket
from contextlib import suppress
from functools import partial
from time import monotonic
from typing import Any

from sanic import Sanic

from caracal_core.config.address import Address
from caracal_core.edge.app import GatewayApp
from caracal_core.edge.protocol import EdgeProtocol
from caracal_core.edge.tls import RotatingContext
from caracal_core.errors import Misconfigured

BACKLOG = 4096
"""Connections that the kernel keeps for us; with the usual 100 a burst waits for seconds."""

HANDSHAKE_SECONDS = 10.0
"""How long a TLS handshake may take."""

FAREWELL_SECONDS = 2.0
"""How long an idle connection that was closed may take to confirm it, as TLS asks it to."""

LOOK_SECONDS = 0.05


class Port:
    """A listening address.

    Args:
        app: answers the requests.
        address: where to listen; port 0 lets the system choose.
        tls: what to encrypt with; None is plain HTTP.
        where: the configuration's key for the address, and its name in the environment.

    Attributes:
        address: where it does listen, once it is open.
    """

    def __init__(
        self, app: GatewayApp, address: Address, tls: RotatingContext | None, where: tuple[str, str]
    ) -> None:
        self.address = address
        self._app = app
        self._where = where
        self._tls: dict[str, Any] = {"ssl": tls}
        if tls is not None:
            self._tls["ssl_handshake_timeout"] = HANDSHAKE_SECONDS
        self._server: Any = None  # Sanic's own, which has no types
        self._socket: socket.socket | None = None
        self._queue: socket.socket | None = None
        self._arriving: set[asyncio.Task[Any]] = set()
        self._farewells: dict[EdgeProtocol, float] = {}

    @property
    def url(self) -> str:
        """The address as a client would write it."""
        return f"{'http' if self._tls['ssl'] is None else 'https'}://{self.address}"

    @property
    def connections(self) -> frozenset[EdgeProtocol]:
        """The connections that are open."""
        return frozenset(self._server.connections if self._server else ())

    def bind(self) -> None:
        """Take the address; who connects waits until the port is open.

        Raises:
            Misconfigured: the address cannot be listened on.
        """
        self._socket = _bind(self.address, *self._where)
        self.address = Address(*self._socket.getsockname()[:2])
        self._queue = self._socket.dup()

    async def open(self) -> None:
        """Listen, unless `bind` did, and serve whoever comes.

        Raises:
            Misconfigured: the address cannot be listened on.
        """
        if self._socket is None:
            self.bind()
        # Sanic advises its own development mode to whoever starts it in a terminal.
        os.environ.setdefault("SANIC_IGNORE_PRODUCTION_WARNING", "1")
        tls = self._tls.copy()
        self._server = await self._app.create_server(
            sock=self._socket,
            ssl=tls.pop("ssl"),
            protocol=EdgeProtocol,
            backlog=BACKLOG,
            asyncio_server_kwargs=tls,
        )
        await self._server.startup()
        await self._server.before_start()
        await self._server.after_start()

    def stop_listening(self) -> None:
        """Accept no further connections; those that are open stay, and those in the queue come in.

        The kernel resets what waits in the queue of a socket that is closed, although the
        client has connected and perhaps sent its request: so the queue is emptied first.
        """
        if self._queue is None:
            return
        queue, self._queue = self._queue, None
        if self._server is not None:
            self._server.server.close()
            self._admit(queue)
        queue.close()

    async def finish(self, quiet: float, grace: float, hurry: asyncio.Event) -> None:
        """Wait until every connection is gone, or it took too long.

        A request in service is finished. A kept connection on which nothing happens is left
        open for a moment, and a TLS handshake is waited for as long: a request may be on its
        way there, which closing at once would reset.

        Args:
            quiet: until when, by `time.monotonic`, nothing is closed for being idle.
            grace: until when requests may be finished.
            hurry: once set, nothing is waited for any longer.
        """
        while self._is_busy(quiet) and monotonic() < grace and not hurry.is_set():
            if monotonic() >= quiet:
                self._close_idle()
            await wait(hurry, LOOK_SECONDS)
        self._close_idle()

    async def close(self) -> None:
        """Stop listening and end what is left, with 503 where no reply came.

        The application's name is free again.
        """
        self.stop_listening()
        if self._server is None and self._socket is not None:
            self._socket.close()
        for arrival in self._arriving:
            arrival.cancel()
        for connection in self.connections:
            connection.break_off()
        Sanic.unregister_app(self._app)

    def _admit(self, queue: socket.socket) -> None:
        """Serve the connections that nobody accepted yet."""
        loop = asyncio.get_running_loop()
        factory = partial(
            EdgeProtocol, app=self._app, loop=loop, connections=self._server.connections
        )
        with suppress(OSError):  # the queue is empty
            while True:
                connection, _ = queue.accept()
                connection.setblocking(False)
                arrival = loop.create_task(
                    loop.connect_accepted_socket(factory, connection, **self._tls)
                )
                self._arriving.add(arrival)
                arrival.add_done_callback(self._arrived)

    def _arrived(self, arrival: asyncio.Task[Any]) -> None:
        self._arriving.discard(arrival)
        if not arrival.cancelled():
            arrival.exception()  # a client that left while it shook hands

    def _is_busy(self, quiet: float) -> bool:
        """Return whether there is a connection, or one may be shaking hands unseen."""
        handshakes = self._tls["ssl"] is not None and monotonic() < quiet
        return bool(self.connections or self._arriving or handshakes)

    def _close_idle(self) -> None:
        now = monotonic()
        for connection in self.connections:
            if connection.close_if_idle():
                asked = self._farewells.setdefault(connection, now)
                if now - asked >= FAREWELL_SECONDS:
                    connection.abort()


def _bind(address: Address, key: str, name: str) -> socket.socket:
    """Return a socket that listens on the address.

    Raises:
        Misconfigured: there can be none.
    """
    host, port = address
    try:
        family, _, _, _, found = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        sock = socket.create_server(
            found[:2], family=family, backlog=BACKLOG, dualstack_ipv6=host == "::"
        )
    except OSError as error:
        raise Misconfigured(
            key,
            f"{address} cannot be listened on ({_reason(error)})",
            f"Stop what listens there, or choose another address ({name}).",
        ) from None
    sock.setblocking(False)
    return sock


def _reason(error: OSError) -> str | None:
    """Return what the system said; Python adds the address to it, and so do we."""
    if isinstance(error, socket.gaierror) or error.errno is None:
        return error.strerror
    return os.strerror(error.errno)


async def wait(event: asyncio.Event, seconds: float) -> None:
    """Wait for an event for at most so long."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
