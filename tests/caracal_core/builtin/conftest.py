"""Real servers that speak exact bytes, and upstreams that are furnished as the house does it."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

import pytest

from caracal_core.builtin.upstreams.plugin import UpstreamsConfig, UpstreamsPlugin
from caracal_core.domain import Headers, Request, Route
from caracal_core.ports import Upstream
from caracal_core.testing.fakes import a_request, a_route, a_services

PATIENCE_SECONDS = 10

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@dataclass
class RawServer:
    """A server that says what the test's coroutine says, once for each connection."""

    port: int = 0
    scheme: str = "http"
    connections: int = 0
    heads: list[bytes] = field(default_factory=list)
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}"

    async def head(self, reader: asyncio.StreamReader) -> bytes:
        """Read the head of a request and keep it."""
        head = await reader.readuntil(b"\r\n\r\n")
        self.heads.append(head)
        return head


@dataclass
class Heard:
    """What a caller got of a reply."""

    status: int
    headers: Headers
    length: int | None
    body: bytes


@pytest.fixture
async def raw_server():
    """Start servers: `await raw_server(talk, tls=context)`; all are closed afterwards."""
    async with AsyncExitStack() as stack:

        async def start(talk: Talk, tls: ssl.SSLContext | None = None) -> RawServer:
            server = RawServer(scheme="https" if tls else "http")
            talking: set[asyncio.Task[None]] = set()

            async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                server.connections += 1
                talking.add(asyncio.current_task())
                try:
                    await talk(reader, writer)
                except (OSError, asyncio.IncompleteReadError):
                    pass  # the gateway hung up
                finally:
                    writer.close()
                    server.ended.set()

            listening = await asyncio.start_server(accept, "127.0.0.1", 0, ssl=tls)
            server.port = listening.sockets[0].getsockname()[1]

            async def stop() -> None:
                listening.close()
                for task in talking:
                    task.cancel()
                await asyncio.gather(*talking, return_exceptions=True)

            stack.push_async_callback(stop)
            return server

        yield start


@pytest.fixture
def replying(raw_server):
    """Start a server that answers each request with the same bytes and keeps the connection."""

    async def start(reply: bytes, *, close: bool = False) -> RawServer:
        async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            while True:
                await server.head(reader)
                writer.write(reply)
                await writer.drain()
                if close:
                    return

        server = await raw_server(talk)
        return server

    return start


@pytest.fixture
async def connect():
    """Furnish an upstream: `await connect(url, option=...)`; all are closed afterwards."""
    async with AsyncExitStack() as stack:

        async def furnish(
            url: str, secrets: Mapping[str, str] | None = None, **options: object
        ) -> Upstream:
            section = {"up": {"url": url, "allow_private": True, **options}}
            plugin = UpstreamsPlugin(UpstreamsConfig.model_validate({"upstreams": section}))
            services = a_services(secrets=secrets)
            await stack.enter_async_context(plugin.lifespan(services))
            return plugin.upstreams(services)["up"]

        yield furnish


@pytest.fixture
def call():
    """Send a request and read the reply to its end, within bounded time."""

    async def send(
        upstream: Upstream,
        request: Request | None = None,
        route: Route | None = None,
        on_sent: Callable[[], None] = lambda: None,
        seen: list[bytes] | None = None,
    ) -> Heard:
        pieces = [] if seen is None else seen
        async with asyncio.timeout(PATIENCE_SECONDS):
            async with upstream.send(request or a_request(), route or a_route(), on_sent) as reply:
                async for data in reply.body:
                    pieces.append(data)
        return Heard(reply.status, reply.headers, reply.length, b"".join(pieces))

    return send
