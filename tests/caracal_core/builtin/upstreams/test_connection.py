"""Proved here: a connection carries one exchange at a time, at the pace of its reader."""

from __future__ import annotations

import asyncio
import socket
from contextlib import suppress

import pytest

from caracal_core.builtin.upstreams.connection import BUFFER_BYTES, HttpConnection
from caracal_core.builtin.upstreams.reply_parser import BrokenReply

REPLY = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
REQUEST = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n"


@pytest.fixture
async def open_to():
    """Open a connection to a raw server; it is closed afterwards."""
    opened: list[HttpConnection] = []

    async def open_connection(server) -> HttpConnection:
        loop = asyncio.get_running_loop()
        _, connection = await loop.create_connection(HttpConnection, "127.0.0.1", server.port)
        opened.append(connection)
        return connection

    yield open_connection
    for connection in opened:
        connection.abort()
        await connection.wait_closed()


async def until(condition) -> None:
    """Let the loop turn until something is so, within bounded time."""
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - nobody could set an event
            await asyncio.sleep(0)


async def ask(connection: HttpConnection) -> bytes:
    connection.begin("GET")
    connection.write(REQUEST)
    await connection.head()
    body = b""
    while data := await connection.read():
        body += data
    return body


async def test_it_carries_one_exchange_after_the_other(replying, open_to):
    """A clean reply leaves the connection fit for the next request."""
    server = await replying(REPLY)
    connection = await open_to(server)
    for _ in range(3):
        assert connection.is_fit()
        assert await ask(connection) == b"ok"
        assert connection.finish()
    assert (server.connections, len(server.heads)) == (1, 3)


async def test_a_reader_that_rests_stops_the_upstream(raw_server, open_to):
    """What is not read is not fetched: memory stays bounded, however much the upstream has."""

    async def talk(reader, writer):
        await server.head(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n")
        for _ in range(1000):
            writer.write(bytes(100_000))
            await writer.drain()

    server = await raw_server(talk)
    connection = await open_to(server)
    connection.begin("GET")
    connection.write(REQUEST)
    await connection.head()
    await until(lambda: connection._held_back)
    for _ in range(100):
        await asyncio.sleep(0)
    total = len(await connection.read())
    assert BUFFER_BYTES < total < 8 * BUFFER_BYTES
    async with asyncio.timeout(30):
        while data := await connection.read():
            assert len(data) < 8 * BUFFER_BYTES
            total += len(data)
    assert total == 100_000_000


@pytest.mark.parametrize(
    "extra", [b"x", b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nPOISON"], ids=["junk", "reply"]
)
async def test_bytes_that_come_unasked_end_it(raw_server, open_to, extra):
    """They would be the next caller's reply."""
    go = asyncio.Event()

    async def talk(reader, writer):
        await server.head(reader)
        writer.write(REPLY)
        await go.wait()
        writer.write(extra)
        await reader.read()

    server = await raw_server(talk)
    connection = await open_to(server)
    assert await ask(connection) == b"ok"
    assert connection.finish()
    go.set()
    async with asyncio.timeout(5):
        await connection.wait_closed()
    assert not connection.is_fit()


def _threaded_server() -> tuple[socket.socket, int]:
    listening = socket.create_server(("127.0.0.1", 0))
    return listening, listening.getsockname()[1]


async def test_a_close_that_the_loop_has_not_seen_is_seen(open_to):
    """The kernel is asked before a request is risked on an idle connection."""
    listening, port = _threaded_server()
    with listening:
        loop = asyncio.get_running_loop()
        _, connection = await loop.create_connection(HttpConnection, "127.0.0.1", port)
        accepted, _ = listening.accept()
        with accepted:
            asking = asyncio.ensure_future(ask(connection))
            await asyncio.sleep(0)
            accepted.recv(1000)
            accepted.sendall(REPLY)
            assert await asking == b"ok"
            assert connection.finish()
            assert connection.is_fit()
        # Closed now, and this task has not let the loop look since.
        assert not connection.is_fit()
        connection.abort()
        await connection.wait_closed()


@pytest.mark.parametrize(
    ("came", "reason"),
    [
        (b"", "before its reply"),
        (b"HTTP/1.1 200 OK\r\n", "before its reply"),
        (b"nonsense\r\n\r\n", "broke HTTP"),
    ],
)
async def test_an_end_before_the_head_is_told(raw_server, open_to, came, reason):
    """The operator learns what the upstream did."""

    async def talk(reader, writer):
        await server.head(reader)
        writer.write(came)

    server = await raw_server(talk)
    connection = await open_to(server)
    connection.begin("GET")
    connection.write(REQUEST)
    with pytest.raises(BrokenReply, match=reason):
        await connection.head()
    assert not connection.finish()


async def test_an_end_within_the_body_is_told_after_what_came(raw_server, open_to):
    """No byte that arrived is lost, and half a body never looks whole."""

    async def talk(reader, writer):
        await server.head(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf")

    server = await raw_server(talk)
    connection = await open_to(server)
    connection.begin("GET")
    connection.write(REQUEST)
    await connection.head()
    assert await connection.read() == b"half"
    with pytest.raises(BrokenReply, match="within its reply"):
        await connection.read()


async def test_a_reset_does_not_end_a_body_of_unknown_length(raw_server, open_to):
    """Only an orderly end completes a body that has no other sign of its end."""

    async def talk(reader, writer):
        await server.head(reader)
        writer.write(b"HTTP/1.1 200 OK\r\n\r\nhalf")
        await writer.drain()
        await reader.readexactly(1)
        linger = b"\1\0\0\0\0\0\0\0"  # reset instead of an orderly end
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)

    server = await raw_server(talk)
    connection = await open_to(server)
    connection.begin("GET")
    connection.write(REQUEST)
    await connection.head()
    assert await connection.read() == b"half"
    connection.write(b"x")
    with pytest.raises(BrokenReply, match="lost"):
        await connection.read()


async def test_an_abort_wakes_whoever_waits(raw_server, open_to):
    """Nobody waits for a connection that is gone."""

    async def talk(reader, writer):
        await reader.read()

    connection = await open_to(await raw_server(talk))
    connection.begin("GET")
    connection.write(REQUEST)
    waiting = asyncio.ensure_future(connection.head())
    await asyncio.sleep(0)
    connection.abort()
    with pytest.raises(BrokenReply):
        await waiting


async def test_an_upstream_that_does_not_read_makes_the_sender_wait(raw_server, open_to):
    """What cannot be sent is not piled up, and an abort ends the wait."""
    go = asyncio.Event()

    async def talk(reader, writer):
        await go.wait()
        with suppress(OSError):
            await reader.read()

    connection = await open_to(await raw_server(talk))
    connection.begin("POST")

    async def pour():
        for _ in range(1000):
            connection.write(bytes(100_000))
            await connection.drain()
            if connection.broken:
                return
        pytest.fail("a hundred megabytes fitted nowhere")

    pouring = asyncio.ensure_future(pour())
    await until(lambda: not connection._writable)
    for _ in range(100):
        await asyncio.sleep(0)
    assert not pouring.done()
    connection.abort()
    async with asyncio.timeout(5):
        await pouring
    go.set()
