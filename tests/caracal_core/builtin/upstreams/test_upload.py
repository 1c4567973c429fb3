"""Proved here: a request goes out whole and once, or the upstream never sees a whole one."""

from __future__ import annotations

import asyncio
from unittest.mock import AsyncMock

import pytest

from caracal_core.builtin.upstreams.upload import INLINE_BYTES, Upload
from caracal_core.errors import BadRequest, PayloadTooLarge, RequestTimeout, UpstreamUnreachable
from caracal_core.testing.fakes import FakeBody, a_request

PATIENCE_SECONDS = 10
LONG = INLINE_BYTES + 1


class DeclaredBody(FakeBody):
    """A body that declares another length than it has."""

    def __init__(self, chunks, length, **manners):
        super().__init__(chunks, **manners)
        self._length = length


async def turns() -> None:
    """Let everything that is under way on loopback arrive."""
    for _ in range(100):
        await asyncio.sleep(0)


@pytest.fixture
async def collecting(raw_server):
    """Start a server that keeps every byte it gets, until the gateway hangs up."""
    came = bytearray()

    async def talk(reader, writer):
        while data := await reader.read(65536):
            came.extend(data)

    server = await raw_server(talk)
    return server, came


@pytest.mark.parametrize(
    ("body", "framing", "sent"),
    [
        (FakeBody([b"ab", b"", b"c"]), b"content-length: 3\r\n", b"abc"),
        (
            FakeBody([b"ab", b"", b"c" * 16], chunked=True),
            b"transfer-encoding: chunked\r\n",
            b"2\r\nab\r\n10\r\n" + b"c" * 16 + b"\r\n0\r\n\r\n",
        ),
        (FakeBody([], chunked=True), b"transfer-encoding: chunked\r\n", b"0\r\n\r\n"),
        (FakeBody([]), b"content-length: 0\r\n", b""),
    ],
    ids=["declared", "chunked", "chunked and empty", "empty"],
)
async def test_the_framing_says_what_comes(raw_server, connect, call, body, framing, sent):
    """Declared where it is known, in chunks where it is not; no chunk ends the body early."""
    came = b""

    async def talk(reader, writer):
        nonlocal came
        head = await server.head(reader)
        came = await reader.readexactly(len(sent))
        writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
        assert framing in head
        await reader.read()

    server = await raw_server(talk)
    await call(await connect(server.url), a_request("POST", body=body))
    assert came == sent


@pytest.mark.parametrize(
    "error",
    [PayloadTooLarge(), RequestTimeout(), BadRequest("framing"), asyncio.CancelledError()],
    ids=lambda error: type(error).__name__,
)
@pytest.mark.parametrize("length", [20, LONG, None], ids=["short", "long", "chunked"])
async def test_what_the_body_raises_passes_and_cuts_the_request(
    collecting, connect, call, error, length
):
    """The client's own fault stays its own; the upstream has half a request and no more."""
    server, came = collecting
    body = DeclaredBody([b"first-half"], length, breaks=error)
    upstream = await connect(server.url)
    with pytest.raises(type(error)) as raised:
        await call(upstream, a_request("POST", body=body))
    assert raised.value is error or isinstance(error, asyncio.CancelledError)
    async with asyncio.timeout(PATIENCE_SECONDS):
        await server.ended.wait()
    assert b"first-half" in came
    assert b"\r\n0\r\n\r\n" not in came
    assert server.connections == 1


@pytest.mark.parametrize("length", [20, LONG, None], ids=["short", "long", "chunked"])
async def test_a_body_that_breaks_at_once_sends_nothing(collecting, connect, call, length):
    """Where no byte left, the call is not told as sent and cannot cost."""
    server, came = collecting
    told = []
    body = DeclaredBody([], length, breaks=RequestTimeout())
    upstream = await connect(server.url)
    with pytest.raises(RequestTimeout):
        await call(upstream, a_request("POST", body=body), on_sent=lambda: told.append(1))
    async with asyncio.timeout(PATIENCE_SECONDS):
        await server.ended.wait()
    assert (bytes(came), told) == (b"", [])


@pytest.mark.parametrize("scale", [1, INLINE_BYTES], ids=["short", "long"])
@pytest.mark.parametrize("actual", [9, 11], ids=["too short", "too long"])
async def test_a_body_of_another_length_is_refused(collecting, connect, call, actual, scale):
    """Surplus bytes would be read as a request of their own."""
    server, came = collecting
    body = DeclaredBody([b"x" * scale] * actual, 10 * scale)
    upstream = await connect(server.url)
    with pytest.raises(BadRequest, match="declared"):
        await call(upstream, a_request("POST", body=body))
    async with asyncio.timeout(PATIENCE_SECONDS):
        await server.ended.wait()
    assert came.count(b"x" * scale) <= 10


@pytest.mark.parametrize("length", [20, 2 * LONG, None], ids=["short", "long", "chunked"])
async def test_an_early_reply_ends_the_upload(raw_server, connect, call, length):
    """The upstream refused half-way: its reply is delivered, the rest is not sent."""
    asked_for_more = asyncio.Event()
    never = asyncio.Event()

    async def talk(reader, writer):
        await server.head(reader)
        await asked_for_more.wait()
        writer.write(b"HTTP/1.1 413 Too Large\r\nContent-Length: 4\r\n\r\nst")
        await turns()
        writer.write(b"op")
        await reader.read()

    async def client_takes_its_time():
        asked_for_more.set()
        await never.wait()

    server = await raw_server(talk)
    upstream = await connect(server.url)
    body = DeclaredBody([b"x" * 9, b"y" * 9], length, between=client_takes_its_time)
    heard = await call(upstream, a_request("POST", body=body))
    assert (heard.status, heard.body) == (413, b"stop")
    async with asyncio.timeout(PATIENCE_SECONDS):
        await server.ended.wait()


@pytest.mark.parametrize("length", [20, 2 * LONG, None], ids=["short", "long", "chunked"])
async def test_an_upstream_that_closes_ends_the_upload(raw_server, connect, call, length):
    """Nobody waits for the rest of a body that has nowhere to go."""

    async def talk(reader, writer):
        await server.head(reader)

    async def client_takes_its_time():
        await asyncio.Event().wait()

    server = await raw_server(talk)
    upstream = await connect(server.url)
    body = DeclaredBody([b"x" * 9, b"y" * 9], length, between=client_takes_its_time)
    with pytest.raises(UpstreamUnreachable):
        await call(upstream, a_request("POST", body=body))


@pytest.mark.parametrize(("scale", "beside"), [(1, False), (LONG, True)], ids=["short", "long"])
async def test_what_is_short_and_here_whole_needs_no_task(
    raw_server, connect, call, monkeypatch, scale, beside
):
    async def talk(reader, writer):
        await server.head(reader)
        await reader.readexactly(2 * scale)
        writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
        await reader.read()

    made = []

    async def send_beside(upload, head, length):
        made.append(upload)
        await own(upload, head, length)

    own = Upload._send_beside
    monkeypatch.setattr(Upload, "_send_beside", send_beside)
    server = await raw_server(talk)
    await call(await connect(server.url), a_request("POST", body=FakeBody([b"x" * scale] * 2)))
    assert bool(made) is beside


@pytest.mark.parametrize("length", [20, LONG, None], ids=["short", "long", "chunked"])
async def test_nothing_is_sent_after_the_reply(raw_server, connect, call, length):
    """The upstream has decided; what the client still sends is not its business."""
    replied = asyncio.Event()
    rest = None

    async def talk(reader, writer):
        nonlocal rest
        await server.head(reader)
        await reader.readuntil(b"first")
        writer.write(b"HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n")
        replied.set()
        rest = await reader.read()

    async def client_goes_on():
        await replied.wait()
        await turns()

    server = await raw_server(talk)
    upstream = await connect(server.url)
    body = DeclaredBody([b"first", b"second"], length, between=client_goes_on)
    assert (await call(upstream, a_request("POST", body=body))).status == 401
    async with asyncio.timeout(PATIENCE_SECONDS):
        await server.ended.wait()
    assert b"second" not in rest


async def test_a_connection_with_half_a_request_is_not_kept(raw_server, connect, call):
    """The next request would be read as the rest of this one."""

    async def talk(reader, writer):
        while True:
            await server.head(reader)
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            if server.connections > 1:
                await reader.read()

    async def client_takes_its_time():
        await asyncio.Event().wait()

    server = await raw_server(talk)
    upstream = await connect(server.url)
    body = DeclaredBody([b"x", b"y"], LONG, between=client_takes_its_time)
    await call(upstream, a_request("POST", body=body))
    await call(upstream)
    assert server.connections == 2


@pytest.mark.parametrize("length", [0, 20, LONG, None], ids=["none", "short", "long", "chunked"])
async def test_an_upstream_that_closes_at_once_gets_nothing(raw_server, connect, call, length):
    """Where the connection ended before the first byte, nothing was sent and nothing costs."""

    async def talk(reader, writer):
        pass

    server = await raw_server(talk)
    upstream = await connect(server.url)
    connection = await upstream._line[1].acquire()  # ended, before a request is risked on it
    await connection.wait_closed()
    upstream._line[1].acquire = AsyncMock(return_value=connection)
    told = []
    body = DeclaredBody([b"x" * 20] if length != 0 else [], length)
    with pytest.raises(UpstreamUnreachable):
        await call(upstream, a_request("POST", body=body), on_sent=lambda: told.append(1))
    assert told == []


@pytest.mark.parametrize("length", [20, 2 * LONG, None], ids=["short", "long", "chunked"])
async def test_it_is_told_just_before_the_first_byte(raw_server, connect, call, length):
    """From then on the call may cost; once, however many pieces there are."""
    told = []

    async def talk(reader, writer):
        head = await server.head(reader)
        told.append(head[:4])
        writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
        await reader.read()

    server = await raw_server(talk)
    upstream = await connect(server.url)
    pieces = [b"x" * (length // 2 if length else 10)] * 2
    body = FakeBody(pieces, chunked=length is None)
    await call(upstream, a_request("POST", body=body), on_sent=lambda: told.append("sent"))
    assert told == ["sent", b"POST"]


@pytest.mark.parametrize("chunked", [True, False])
async def test_an_upload_that_takes_too_long_is_the_clients_fault_and_never_whole(
    collecting, connect, call, chunked
):
    """A client at the slowest permitted pace cannot keep a pooled connection for hours."""
    server, came = collecting
    upstream = await connect(server.url, upload_timeout=0.0001)

    class Slow(FakeBody):
        async def _read(self):
            async for data in super()._read():
                await asyncio.sleep(0.001)
                yield data

    body = Slow([b"x" * LONG, b"y"], chunked=chunked)
    with pytest.raises(RequestTimeout):
        await call(upstream, a_request("POST", "/", body=body))
    await turns()
    assert b"y" not in bytes(came)[-3:]
