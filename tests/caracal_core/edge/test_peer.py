"""The kernel knows that the other end is gone, even where nobody reads."""

import asyncio
import socket

import pytest

from caracal_core.edge.peer import has_hung_up


class Unread(asyncio.Protocol):
    """A connection that is not read from."""

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.transport.pause_reading()
        self.got.set_result(None)


@pytest.fixture
async def unread(loop):
    """A client with unread bytes on their way, and the transport that does not read them."""
    protocol = Unread()
    protocol.got = loop.create_future()
    server = await loop.create_server(lambda: protocol, "127.0.0.1", 0)
    client = socket.create_connection(server.sockets[0].getsockname())
    client.sendall(b"0")
    await protocol.got
    client.sendall(b"0" * 1000)
    yield client, protocol.transport
    client.close()
    protocol.transport.abort()
    server.close()
    await server.wait_closed()


async def test_a_client_that_waits_is_there(unread):
    assert not has_hung_up(unread[1])


async def test_a_client_that_closed_is_gone(unread):
    unread[0].close()
    assert has_hung_up(unread[1])


async def test_a_client_that_half_closed_is_gone(unread):
    unread[0].shutdown(socket.SHUT_WR)
    assert has_hung_up(unread[1])


async def test_a_connection_closed_here_is_gone(unread):
    unread[1].abort()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert has_hung_up(unread[1])
