"""The connections to one upstream: few, kept while they are fit, never shared with another."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
from collections import deque
from collections.abc import Awaitable, Callable

from caracal_core.builtin.upstreams.connection import HttpConnection
from caracal_core.errors import Failure, UpstreamTimeout, UpstreamUnreachable


class HttpPool:
    """Lends connections, the most recently used first.

    Args:
        part: names the upstream in failures.
        dial: opens a connection; raises OSError where it cannot.
        size: the most connections at a time.
        connect_seconds: how long dialling, or waiting for a connection, may take.
        idle_seconds: how long an unused connection is kept.
    """

    def __init__(
        self,
        part: str,
        dial: Callable[[], Awaitable[HttpConnection]],
        *,
        size: int,
        connect_seconds: float,
        idle_seconds: float,
    ) -> None:
        self._part = part
        self._dial = dial
        self._size = size
        self._connect_seconds = connect_seconds
        self._idle_seconds = idle_seconds
        self._free = asyncio.Semaphore(size)
        self._lent: set[HttpConnection] = set()
        self._idle: deque[HttpConnection] = deque()
        self._sweep: asyncio.TimerHandle | None = None
        self._closed = False

    async def acquire(self) -> HttpConnection:
        """Lend a connection; it must be given back by `release`.

        Raises:
            Failure: all of them stayed busy.
            UpstreamUnreachable: it cannot be resolved or reached, or does not prove itself.
            UpstreamTimeout: it did not accept the connection in time.
            Denied: its address may not be dialled.
        """
        await self._wait_for_room()
        try:
            connection = self._fit() or await self._open()
        except BaseException:
            self._free.release()
            raise
        self._lent.add(connection)
        return connection

    def release(self, connection: HttpConnection) -> None:
        """Take a connection back: to keep where its exchange ended well, else to close."""
        self._lent.discard(connection)
        self._free.release()
        if not connection.finish() or self._closed:
            connection.abort()
            return
        connection.idle_since = asyncio.get_running_loop().time()
        self._idle.append(connection)
        self._arm()

    async def close(self) -> None:
        """Close every connection, lent ones included, and lend no more."""
        self._closed = True
        if self._sweep is not None:
            self._sweep.cancel()
        every = [*self._idle, *self._lent]
        self._idle.clear()
        for connection in every:
            connection.abort()
        for connection in every:
            await connection.wait_closed()

    async def _wait_for_room(self) -> None:
        if not self._free.locked():
            await self._free.acquire()
            return
        try:
            async with asyncio.timeout(self._connect_seconds):
                await self._free.acquire()
        except TimeoutError as error:
            raise Failure(self._part, f"all {self._size} connections stayed busy") from error

    def _fit(self) -> HttpConnection | None:
        """Return the freshest idle connection that can be used."""
        while self._idle:
            connection = self._idle.pop()
            if connection.is_fit():
                return connection
            connection.abort()
        return None

    async def _open(self) -> HttpConnection:
        if self._closed:
            raise Failure(self._part, "it is closed")
        try:
            async with asyncio.timeout(self._connect_seconds):
                return await self._dial()
        except TimeoutError as error:
            raise UpstreamTimeout(self._part, "it did not accept the connection") from error
        except OSError as error:
            raise UpstreamUnreachable(self._part, f"no connection: {_words(error)}") from error

    def _arm(self) -> None:
        """See to it that the idle connections are looked at when the first is due."""
        if self._sweep is None:
            loop = asyncio.get_running_loop()
            due = self._idle[0].idle_since + self._idle_seconds
            self._sweep = loop.call_at(due, self._expire)

    def _expire(self) -> None:
        """Close the connections that were idle for too long."""
        self._sweep = None
        late = asyncio.get_running_loop().time() - self._idle_seconds
        while self._idle and self._idle[0].idle_since <= late:
            self._idle.popleft().abort()
        if self._idle:
            self._arm()


def _words(error: OSError) -> str:
    """Say what went wrong without data of the upstream's, or its address, which asyncio adds."""
    if error.errno is None or isinstance(error, socket.gaierror | ssl.SSLError):
        return error.strerror or type(error).__name__
    return os.strerror(error.errno)
