"""Proved here: connections are kept while they are fit, bounded in number, and closed in time."""

from __future__ import annotations

import asyncio
import socket
import ssl

import pytest

from caracal_core.builtin.upstreams.connection import HttpConnection
from caracal_core.builtin.upstreams.pool import HttpPool
from caracal_core.errors import Failure, UpstreamTimeout, UpstreamUnreachable

REPLY = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@pytest.fixture
async def pool_to():
    """Make a pool for a raw server; it is closed afterwards."""
    pools: list[HttpPool] = []

    def make(server, *, dial=None, size=4, connect_seconds=5.0, idle_seconds=60.0) -> HttpPool:
        async def dial_server() -> HttpConnection:
            loop = asyncio.get_running_loop()
            return (await loop.create_connection(HttpConnection, "127.0.0.1", server.port))[1]

        pool = HttpPool(
            "upstream up",
            dial or dial_server,
            size=size,
            connect_seconds=connect_seconds,
            idle_seconds=idle_seconds,
        )
        pools.append(pool)
        return pool

    yield make
    for pool in pools:
        await pool.close()


async def exchange(connection: HttpConnection) -> None:
    """Complete one exchange, so that the connection may be kept."""
    connection.begin("GET")
    connection.write(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
    await connection.head()
    while await connection.read():
        pass


async def test_a_clean_connection_is_lent_again(replying, pool_to):
    """The freshest first, so that the others can grow old and be closed."""
    server = await replying(REPLY)
    pool = pool_to(server)
    first, second = await pool.acquire(), await pool.acquire()
    for connection in (first, second):
        await exchange(connection)
        pool.release(connection)
    assert await pool.acquire() is second
    assert await pool.acquire() is first
    assert server.connections == 2
    pool.release(first)
    pool.release(second)


async def test_an_unclean_connection_is_closed(replying, pool_to):
    """Whatever is left of one exchange must not meet the next."""
    server = await replying(REPLY)
    pool = pool_to(server)
    connection = await pool.acquire()
    connection.begin("GET")
    pool.release(connection)
    await connection.wait_closed()
    assert await pool.acquire() is not connection


async def test_a_connection_that_the_upstream_closed_is_not_lent(replying, pool_to):
    """An idle connection may end at any time; the next call does not pay for that."""
    server = await replying(REPLY, close=True)
    pool = pool_to(server)
    first = await pool.acquire()
    await exchange(first)
    pool.release(first)
    await first.wait_closed()
    second = await pool.acquire()
    assert second is not first
    await exchange(second)
    pool.release(second)


async def test_idle_connections_are_closed_after_their_time(replying, pool_to):
    """Each in its turn, and the pool stays usable."""
    server = await replying(REPLY)
    pool = pool_to(server, idle_seconds=0.02)
    first, second = await pool.acquire(), await pool.acquire()
    for connection in (first, second):
        await exchange(connection)
        pool.release(connection)
    async with asyncio.timeout(5):
        await first.wait_closed()
        await second.wait_closed()
    third = await pool.acquire()
    await exchange(third)
    pool.release(third)


async def test_a_full_pool_waits_its_turn(replying, pool_to):
    """There are never more connections than allowed; who waited gets the next one."""
    server = await replying(REPLY)
    pool = pool_to(server, size=1)
    first = await pool.acquire()
    waiting = asyncio.ensure_future(pool.acquire())
    await asyncio.sleep(0)
    assert not waiting.done()
    await exchange(first)
    pool.release(first)
    assert await waiting is first
    assert server.connections == 1
    pool.release(first)


async def test_a_pool_that_stays_full_is_our_failure(replying, pool_to):
    """It is no fault of the upstream's, and is answered 503."""
    pool = pool_to(await replying(REPLY), size=1, connect_seconds=1)
    connection = await pool.acquire()
    with pytest.raises(Failure, match="stayed busy") as raised:
        await pool.acquire()
    assert raised.value.status == 503
    pool.release(connection)
    pool.release(await pool.acquire())


async def test_who_stops_waiting_leaves_room(replying, pool_to):
    """A cancelled wait, or a failed dial, takes no connection out of the world."""
    failures = [OSError(111, "Connection refused"), OSError(111, "Connection refused")]

    async def dial() -> HttpConnection:
        raise failures.pop()

    pool = pool_to(None, dial=dial, size=1)
    for _ in range(2):
        with pytest.raises(UpstreamUnreachable, match="Connection refused"):
            await pool.acquire()

    server = await replying(REPLY)
    pool = pool_to(server, size=1)
    connection = await pool.acquire()
    waiting = asyncio.ensure_future(pool.acquire())
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait({waiting})
    pool.release(connection)
    pool.release(await pool.acquire())


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (
            ConnectionRefusedError(111, "Connect call failed ('10.0.0.1', 443)"),
            "Connection refused",
        ),
        (socket.gaierror(-2, "Name or service not known"), "Name or service not known"),
        (ssl.SSLError(1, "certificate verify failed"), "certificate verify failed"),
        (OSError("Multiple exceptions: 10.0.0.1"), "OSError"),
    ],
)
async def test_a_failed_dial_says_why_without_an_address(pool_to, error, said):
    async def dial() -> HttpConnection:
        raise error

    with pytest.raises(UpstreamUnreachable) as raised:
        await pool_to(None, dial=dial).acquire()
    assert raised.value.internal == f"no connection: {said}"


async def test_a_late_dial_is_late(pool_to):
    """It is answered 504: the upstream was asked and did not accept in time."""

    async def dial() -> HttpConnection:
        await asyncio.Event().wait()
        raise AssertionError

    with pytest.raises(UpstreamTimeout) as raised:
        await pool_to(None, dial=dial, connect_seconds=0.02).acquire()
    assert raised.value.status == 504


async def test_what_was_being_dialled_at_the_close_is_not_kept(replying, pool_to):
    """Its call may end well; the connection ends with it."""
    server = await replying(REPLY)
    dialling, go_on = asyncio.Event(), asyncio.Event()

    async def dial() -> HttpConnection:
        dialling.set()
        await go_on.wait()
        loop = asyncio.get_running_loop()
        return (await loop.create_connection(HttpConnection, "127.0.0.1", server.port))[1]

    pool = pool_to(server, dial=dial)
    acquiring = asyncio.ensure_future(pool.acquire())
    await dialling.wait()
    await pool.close()
    go_on.set()
    connection = await acquiring
    await exchange(connection)
    pool.release(connection)
    async with asyncio.timeout(5):
        await connection.wait_closed()


async def test_closing_ends_every_connection(replying, pool_to):
    """The lent ones too; afterwards none is lent."""
    pool = pool_to(await replying(REPLY))
    lent, kept = await pool.acquire(), await pool.acquire()
    await exchange(kept)
    pool.release(kept)
    async with asyncio.timeout(5):
        await pool.close()
        await lent.wait_closed()
        await kept.wait_closed()
    pool.release(lent)
    with pytest.raises(Failure, match="closed"):
        await pool.acquire()
