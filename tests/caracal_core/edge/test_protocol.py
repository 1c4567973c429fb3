"""A client that hangs up is noticed, one that stalls is cut off, and neither costs the others."""

import asyncio
import os
import socket
import ssl

import pytest
import uvloop

from caracal_core.domain import Headers, Reply
from caracal_core.edge.limits import Limits
from caracal_core.edge.protocol import PAUSE_BYTES

GET = b"GET / HTTP/1.1\r\nhost: a\r\n\r\n"


class Waiting:
    """An exchange that waits for ever, and says when it began and how it ended."""

    def __init__(self, deliver_first=False):
        self.deliver_first = deliver_first
        self.began = asyncio.Event()
        self.ended = asyncio.Event()
        self.error = None

    async def __call__(self, request, deliver):
        try:
            if self.deliver_first:
                await deliver(Reply(200, Headers(), self.endless()), self.settle)
            self.began.set()
            await asyncio.get_running_loop().create_future()
        except BaseException as error:
            self.error = error
            raise
        finally:
            self.ended.set()

    async def endless(self):
        yield b"first"
        self.began.set()
        await asyncio.get_running_loop().create_future()

    async def settle(self):
        raise AssertionError("an endless reply has no end")


async def within(awaitable):
    return await asyncio.wait_for(awaitable, 10)


@pytest.mark.parametrize("deliver_first", [False, True], ids=["before the head", "mid-stream"])
@pytest.mark.parametrize("how", ["close", "reset", "half-close"])
async def test_a_hang_up_cancels_the_exchange(edge, caplog, deliver_first, how):
    """And is nothing to write home about."""
    edge.door.answer = waiting = Waiting(deliver_first)
    client = await edge.connect()
    await client.send(GET)
    await within(waiting.began.wait())
    if how == "half-close":
        client.writer.write_eof()
    else:
        await _hang_up(client, reset=how == "reset")
    await within(waiting.ended.wait())
    assert isinstance(waiting.error, asyncio.CancelledError)
    await edge.closed()
    assert not [record for record in caplog.records if record.name.startswith("caracal")]


async def _hang_up(client, *, reset):
    if reset:
        raw = client.writer.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
        client.writer.transport.abort()
    else:
        await client.close()


async def test_a_hang_up_cancels_the_reader_of_the_body(edge):
    """Also where another task than the exchange's reads it."""
    reading, ended = asyncio.Event(), asyncio.Event()

    async def read(request):
        try:
            await anext(aiter(request.body))
        finally:
            ended.set()

    async def answer(request, deliver):
        task = asyncio.create_task(read(request))
        reading.set()
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            await asyncio.wait([task])
            assert task.cancelled()

    edge.door.answer = answer
    client = await edge.connect()
    await client.send(b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\n\r\n")
    await within(reading.wait())
    await client.close()
    await within(ended.wait())


async def test_two_hundred_hang_ups_leave_nothing_behind(edge):
    before = len(asyncio.all_tasks())
    for turn in range(200):
        edge.door.answer = waiting = Waiting(deliver_first=turn % 2 == 0)
        client = await edge.connect()
        await client.send(GET)
        await within(waiting.began.wait())
        await client.close()
        await within(waiting.ended.wait())
    edge.clients.clear()
    await edge.closed()
    await edge.until(lambda: len(asyncio.all_tasks()) <= before)


async def test_what_a_client_sends_beyond_its_request_is_bounded(edge):
    """The gateway stops reading; what it holds is little more than the mark."""
    edge.door.answer = waiting = Waiting()
    client = await edge.connect()
    await client.send(GET)
    await within(waiting.began.wait())
    (connection,) = edge.connections
    client.writer.write(b"0" * 20_000_000)
    await edge.until(lambda: connection._paused)
    for _ in range(50):
        await asyncio.sleep(0)
    assert PAUSE_BYTES <= len(connection.received) <= PAUSE_BYTES + 262_144


async def test_a_hang_up_behind_unread_bytes_is_noticed(edge):
    """The event loop does not hear of it while reading is paused; the timer asks the kernel."""
    edge.door.limits = Limits(header_seconds=0.1)
    edge.door.answer = waiting = Waiting()
    client = await edge.connect()
    await client.send(GET)
    await within(waiting.began.wait())
    (connection,) = edge.connections
    await client.send(b"0" * (PAUSE_BYTES + 1000))
    await edge.until(lambda: connection._paused)
    assert not waiting.ended.is_set()
    client.writer.transport.abort()
    await within(waiting.ended.wait())
    assert isinstance(waiting.error, asyncio.CancelledError)


async def test_after_a_long_body_reading_goes_on(edge):
    """A hang-up is heard at once again, not only when the timer asks."""
    waiting = Waiting()

    async def answer(request, deliver):
        assert len(b"".join([data async for data in request.body])) == 1_000_000
        await waiting(request, deliver)

    edge.door.answer = answer
    client = await edge.connect()
    await client.send(b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1000000\r\n\r\n")
    await client.send(b"0" * 1_000_000)
    await within(waiting.began.wait())
    await client.close()
    await within(waiting.ended.wait())


@pytest.mark.parametrize("length", [None, 10**9])
async def test_a_client_that_takes_nothing_is_cut_off(edge, length):
    """And meanwhile no more is read from the upstream than fits between the two."""
    edge.door.limits = Limits(write_stall_seconds=0.2)
    ended = asyncio.Event()
    made = 0

    async def body():
        nonlocal made
        while True:
            made += 65_536
            yield b"0" * 65_536

    async def answer(request, deliver):
        try:
            await deliver(Reply(200, Headers(), body(), length), _settle)
        finally:
            ended.set()

    edge.door.answer = answer
    raw = await _deaf(edge)
    await within(ended.wait())
    assert made < 2**25
    await edge.closed()
    raw.close()


async def _settle():
    pass


async def _deaf(edge, request=GET):
    """Connect a client that never reads."""
    loop = asyncio.get_running_loop()
    raw = socket.socket()
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    raw.setblocking(False)
    await loop.sock_connect(raw, (edge.server.host, edge.server.port))
    await loop.sock_sendall(raw, request)
    return raw


async def test_a_client_that_takes_nothing_of_the_last_answer_is_cut_off(edge):
    """The exchange is long over; only the bytes wait."""
    edge.door.limits = Limits(write_stall_seconds=0.2)
    size, ended = 30_000_000, asyncio.Event()

    async def answer(request, deliver):
        async def body():
            yield b"0" * size

        await deliver(Reply(200, Headers(), body(), size), _settle)
        ended.set()

    edge.door.answer = answer
    raw = await _deaf(edge, b"GET / HTTP/1.0\r\n\r\n")
    await within(ended.wait())
    await edge.closed()
    raw.close()


async def test_a_slow_client_that_takes_something_is_not_cut_off(edge):
    """It takes several times as long to take all as it may take nothing."""
    edge.door.limits = Limits(write_stall_seconds=0.5)
    size = 500_000

    async def answer(request, deliver):
        async def body():
            yield b"0" * size

        (connection,) = edge.connections
        fileno = connection.transport.get_extra_info("socket").fileno()
        with socket.socket(fileno=os.dup(fileno)) as ours:
            ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        await deliver(Reply(200, Headers(), body(), size), _settle)

    edge.door.answer = answer
    loop = asyncio.get_running_loop()
    raw = await _deaf(edge)
    got, began = 0, loop.time()
    while got < size:
        got += len(await within(loop.sock_recv(raw, 10_000)))
        await asyncio.sleep(0.01)
    assert loop.time() - began > 1
    raw.close()


LONG = 3_000_000


async def _long_answer(request, deliver):
    async def body():
        yield b"0" * LONG

    await deliver(Reply(200, Headers(), body(), LONG), _settle)


async def test_a_reply_that_was_written_is_not_lost_by_closing(edge):
    """The client is slow to read what the gateway wrote before it closed."""
    edge.door.answer = _long_answer
    client = await edge.connect()
    await client.send(b"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")
    told = await client.told()
    assert len(told.body) == LONG
    assert await client.rest() == b""


@pytest.mark.parametrize(
    "loop",
    [asyncio.new_event_loop, uvloop.new_event_loop],
    indirect=True,
    ids=["asyncio", "uvloop"],
)
async def test_nor_is_it_under_tls(loop, test_server, app, door, authority, tmp_path):
    """There the bytes wait in two places, and closing has a handshake of its own."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*authority.issue(tmp_path, "server", "server"))
    door.answer = _long_answer
    server = await test_server(app, ssl=context)
    ours = ssl.create_default_context(cadata=authority.pem.decode())
    ours.verify_flags &= ~ssl.VERIFY_X509_STRICT  # Python 3.13 wants more of an authority
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port, ssl=ours)
    writer.write(b"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")
    told = b""
    while data := await within(reader.read(50_000)):
        told += data
        await asyncio.sleep(0.002)
    assert len(told.partition(b"\r\n\r\n")[2]) == LONG
    writer.close()
    await writer.wait_closed()


async def test_connections_past_the_limit_are_closed_unheard(edge):
    edge.door.limits = Limits(connections=2)
    first, second = await edge.connect(), await edge.connect()
    for client in (first, second):
        await client.send(GET)
        assert (await client.told()).status == 200
    third = await edge.connect()
    assert await third.rest() == b""
    await first.send(GET)
    assert (await first.told()).status == 200


async def test_only_idle_connections_are_closed_when_idle_ones_are(edge):
    edge.door.answer = waiting = Waiting()
    idle, busy, begun = [await edge.connect() for _ in range(3)]
    await busy.send(GET)
    await within(waiting.began.wait())
    await begun.send(b"GET / HTT")
    await edge.until(lambda: sum(not each._serving.idle for each in edge.connections) == 2)
    assert sorted(each.close_if_idle() for each in list(edge.connections)) == [0, 0, 1]
    assert await idle.rest() == b""
    assert len(edge.connections) == 2


async def test_a_cut_connection_is_no_clean_end(edge):
    """The client must not take the part that it got for the whole."""

    async def answer(request, deliver):
        async def body():
            yield b"first"
            raise OSError

        await deliver(Reply(200, Headers(), body()), _settle)

    edge.door.answer = answer
    client = await edge.connect()
    await client.send(GET)
    assert (await client.head())[0] == 200
    assert b"0\r\n\r\n" not in await client.rest()
    await edge.closed()


async def test_it_lives_on_sanics_own_server(edge):
    """The connections are where Sanic looks for them when it shuts down."""
    client = await edge.connect()
    await client.send(GET)
    await client.told()
    (connection,) = edge.connections
    assert connection.app is edge.app
    assert connection.conn_info.client_ip == "127.0.0.1"
