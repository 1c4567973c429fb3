"""A gateway's edge on a real socket, with a fake house behind its door, and authorities for it.

pytest-sanic's fixtures date from 2021; `start` and `close` below re-do their server's life
over Sanic's public `create_server`, so that ``test_server(app)`` and ``sanic_client(app)``
work on today's Sanic.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import ipaddress
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import suppress
from itertools import count
from typing import NamedTuple

import pytest
import uvloop
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from pytest_sanic.utils import TestServer as SanicServer

from caracal_core.config.tls import TlsConfig
from caracal_core.domain import Headers, Reply, Request
from caracal_core.edge.app import GatewayApp
from caracal_core.edge.limits import Limits
from caracal_core.edge.protocol import EdgeProtocol
from caracal_core.errors import Answered, RequestTimeout
from caracal_core.ports import Deliver

PATIENCE = 10.0
"""Seconds after which a test that waits has failed."""

_names = count()


async def start(self: SanicServer) -> None:
    """Serve the application, as pytest-sanic's `start_server` did."""
    self.socket = socket.socket()
    self.socket.bind((self.host, 0))
    self.port = self.socket.getsockname()[1]
    protocol = EdgeProtocol if isinstance(self.app, GatewayApp) else self.protocol
    self.server = await self.app.create_server(sock=self.socket, ssl=self.ssl, protocol=protocol)
    await self.server.startup()
    await self.server.before_start()
    await self.server.after_start()
    self.is_running = True


async def close(self: SanicServer) -> None:
    """Stop serving, as pytest-sanic's `close` did, and wait until every connection is gone."""
    if not self.is_running:
        return
    self.is_running = False
    await self.server.before_stop()
    closing = self.server.close()
    for connection in tuple(self.server.connections):
        connection.abort()
    async with asyncio.timeout(PATIENCE):
        while self.server.connections:  # noqa: ASYNC110 - Sanic's set tells nobody
            await asyncio.sleep(0)
        await closing
    await self.server.after_stop()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run every test of a served edge on both event loops: they differ where it hurts."""
    if "edge" in metafunc.fixturenames:
        loops = [asyncio.new_event_loop, uvloop.new_event_loop]
        metafunc.parametrize("loop", loops, indirect=True, ids=["asyncio", "uvloop"])


@pytest.fixture
def loop(request: pytest.FixtureRequest) -> Iterator[asyncio.AbstractEventLoop]:
    """The event loop of one test."""
    loop = getattr(request, "param", asyncio.new_event_loop)()
    asyncio.set_event_loop(loop)
    yield loop
    loop.close()


@pytest.fixture(autouse=True)
def _todays_sanic(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SanicServer, "start_server", start)
    monkeypatch.setattr(SanicServer, "close", close)


async def body_of(*chunks: bytes) -> AsyncIterator[bytes]:
    """Stream these chunks."""
    for chunk in chunks:
        yield chunk


async def settled() -> None:
    """Settle nothing."""


async def echo(request: Request, deliver: Deliver) -> None:
    """Answer with the request's own target and body, of known length."""
    parts = [data async for data in request.body]
    data = b" ".join([f"{request.method} {request.path}?{request.query}".encode(), *parts])
    await deliver(Reply(200, Headers(), body_of(data), len(data)), settled)


class FakeDoor:
    """A house of one function."""

    def __init__(self) -> None:
        self.limits = Limits()
        self.ready = self.accepting = True
        self.answer: Callable[[Request, Deliver], Awaitable[None]] = echo
        self.requests: list[Request] = []
        self.turned_away: list[tuple[str, str, Answered]] = []

    async def exchange(self, request: Request, deliver: Deliver) -> None:
        """Answer by the function."""
        self.requests.append(request)
        await self.answer(request, deliver)

    def refused(self, id: str, peer: str, error: Answered) -> None:
        """Remember what was refused."""
        self.turned_away.append((id, peer, error))


class FakeLine:
    """A connection without a socket: what the client sends comes in these pieces."""

    def __init__(self, *pieces: bytes, limits: Limits | None = None) -> None:
        self.limits = limits or Limits()
        self.received = bytearray()
        self.pieces = list(pieces)
        self.seconds_per_piece = 0.0
        self.waits: list[float] = []
        self.sent: list[bytes] = []
        self.aborted = False
        self.accepting = True

    def relieve(self) -> None:
        """Nothing is ever too much."""

    async def receive(self, seconds: float) -> float:
        """Let the next piece come; a client without one is silent."""
        self.waits.append(seconds)
        if not self.pieces or seconds < self.seconds_per_piece:
            raise RequestTimeout
        self.received += self.pieces.pop(0)
        return self.seconds_per_piece

    async def send(self, data: bytes) -> None:
        """Keep what was written."""
        self.sent.append(data)

    def end_writing(self) -> None:
        """Nothing more is written."""

    def abort(self) -> None:
        """Remember that the connection was cut."""
        self.aborted = True


class Told(NamedTuple):
    """One answer as a client read it."""

    status: int
    fields: list[tuple[str, str]]
    body: bytes

    def field(self, name: str) -> str | None:
        """Return the only value of a field."""
        values = [value for field, value in self.fields if field == name]
        assert len(values) < 2, f"{name} stands more than once"
        return values[0] if values else None


class Client:
    """A client that sends bytes and reads answers by their own framing."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def send(self, data: bytes) -> None:
        """Send bytes as they are."""
        self.writer.write(data)
        await self.writer.drain()

    async def head(self) -> tuple[int, list[tuple[str, str]]]:
        """Read an answer's head."""
        async with asyncio.timeout(PATIENCE):
            raw = await self.reader.readuntil(b"\r\n\r\n")
        status, *lines = raw.decode("latin-1").split("\r\n")[:-2]
        fields = [line.split(": ", 1) for line in lines]
        return int(status.split()[1]), [(name.lower(), value) for name, value in fields]

    async def chunk(self) -> bytes:
        """Read one chunk of a chunked answer; empty at its end."""
        async with asyncio.timeout(PATIENCE):
            size = int(await self.reader.readuntil(b"\r\n"), 16)
            return (await self.reader.readexactly(size + 2))[:-2]

    async def told(self, *, to_head: bool = False) -> Told:
        """Read one answer."""
        status, fields = await self.head()
        told = Told(status, fields, b"")
        if to_head or status in (204, 304):
            return told
        if told.field("transfer-encoding") == "chunked":
            chunks = []
            while chunk := await self.chunk():
                chunks.append(chunk)
            return told._replace(body=b"".join(chunks))
        length = told.field("content-length")
        async with asyncio.timeout(PATIENCE):
            if length is None:
                return told._replace(body=await self.reader.read())
            return told._replace(body=await self.reader.readexactly(int(length)))

    async def rest(self) -> bytes:
        """Read until the gateway closes; a cut connection ends it too."""
        async with asyncio.timeout(PATIENCE):
            try:
                return await self.reader.read()
            except ConnectionError:
                return b""

    async def close(self) -> None:
        """Hang up."""
        self.writer.close()
        with suppress(ConnectionError):
            await self.writer.wait_closed()


class Edge:
    """A served edge and its clients."""

    def __init__(self, server: SanicServer, app: GatewayApp, door: FakeDoor) -> None:
        self.server = server
        self.app = app
        self.door = door
        self.clients: list[Client] = []

    async def connect(self) -> Client:
        """Connect a new client."""
        client = Client(*await asyncio.open_connection(self.server.host, self.server.port))
        self.clients.append(client)
        return client

    async def ask(self, raw: bytes) -> Told:
        """Send bytes on a new connection and read one answer."""
        client = await self.connect()
        await client.send(raw)
        return await client.told(to_head=raw.startswith(b"HEAD "))

    @property
    def connections(self) -> set[EdgeProtocol]:
        """The connections, as the server sees them."""
        return self.server.server.connections

    async def until(self, condition: Callable[[], object]) -> None:
        """Wait until something is so that tells nobody."""
        async with asyncio.timeout(PATIENCE):
            while not condition():  # noqa: ASYNC110 - as it says
                await asyncio.sleep(0)

    async def closed(self) -> None:
        """Wait until no connection is left."""
        await self.until(lambda: not self.connections)


@pytest.fixture(scope="session")
def line_of() -> type[FakeLine]:
    """Make a connection without a socket."""
    return FakeLine


@pytest.fixture(scope="session")
def stream() -> Callable[..., AsyncIterator[bytes]]:
    """Make a reply's body of chunks."""
    return body_of


@pytest.fixture
def door() -> FakeDoor:
    """The fake house; change it before the edge is asked for."""
    return FakeDoor()


@pytest.fixture
def app(door: FakeDoor) -> GatewayApp:
    """An application before the fake house."""
    return GatewayApp(f"edge-{next(_names)}", door)


@pytest.fixture
async def edge(test_server, app: GatewayApp, door: FakeDoor) -> AsyncIterator[Edge]:
    """The application, served."""
    edge = Edge(await test_server(app), app, door)
    yield edge
    for client in edge.clients:
        client.writer.transport.abort()
        await client.close()


def _name(text):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


class Authority:
    """Signs certificates; its own is plain, as ``openssl req -x509`` makes it."""

    def __init__(self, name):
        self._key = ec.generate_private_key(ec.SECP256R1())
        self.name = name
        self.pem = self._signed(name, self._key, [(x509.BasicConstraints(True, None), True)])

    def issue(self, directory, stem, common_name):
        """Write ``stem``.crt and ``stem``.key and return their paths."""
        key = ec.generate_private_key(ec.SECP256R1())
        names = x509.SubjectAlternativeName(
            [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
        )
        certificate, private = directory / f"{stem}.crt", directory / f"{stem}.key"
        certificate.write_bytes(self._signed(common_name, key, [(names, False)]))
        private.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        return certificate, private

    def _signed(self, common_name, key, extensions):
        now = dt.datetime.now(dt.UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(_name(common_name))
            .issuer_name(_name(self.name))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(minutes=5))
            .not_valid_after(now + dt.timedelta(days=1))
        )
        for extension, critical in extensions:
            builder = builder.add_extension(extension, critical)
        return builder.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


@pytest.fixture(scope="session")
def make_authority():
    """Make a certificate authority of a given name."""
    return Authority


@pytest.fixture(scope="session")
def authority():
    """One certificate authority for tests that need no second one."""
    return Authority("caracal test authority")


@pytest.fixture
def mount(tmp_path):
    """A mounted Secret: names that lead through one link, which is swapped atomically."""
    return Mount(tmp_path)


class Mount:
    def __init__(self, root):
        self._root = root
        self._numbers = count()
        self.config = TlsConfig(
            cert_file=root / "..data" / "server.crt",
            key_file=root / "..data" / "server.key",
            ca_file=root / "..data" / "ca.crt",
            watch_seconds=0.05,
        )

    def publish(self, authority, common_name="server", trusted=None, key_of=None):
        """Swap in a new directory with a fresh pair and the trusted authority."""
        directory = self._root / f"..{next(self._numbers)}"
        directory.mkdir()
        authority.issue(directory, "server", common_name)
        if trusted:
            (directory / "ca.crt").write_bytes(trusted.pem)
        if key_of:
            _, key = key_of.issue(self._root, "other", "other")
            (directory / "server.key").write_bytes(key.read_bytes())
        link = self._root / "..new"
        link.symlink_to(directory.name)
        link.rename(self._root / "..data")
