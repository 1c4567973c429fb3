"""Requests on one connection follow each other; after a doubt nothing on it is believed."""

import asyncio
import contextlib
import json
import socket

import pytest

from caracal_core.domain import Headers, Reply
from caracal_core.edge.limits import Limits
from caracal_core.errors import NoRoute

GET = b"GET /%s HTTP/1.1\r\nhost: a\r\n\r\n"
SMUGGLED = b"GET /smuggled HTTP/1.1\r\nhost: a\r\n\r\n"
CHUNKED = b"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n"

DOUBTS = {
    "octet above ASCII in a name": (
        b"GET / HTTP/1.1\r\nhost: a\r\nX-Caracal-Principal\x80: root\r\n\r\n"
    ),
    "length and coding": (
        b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n"
    ),
    "two lengths": b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\ncontent-length: 0\r\n\r\n",
    "coding not chunked": b"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: x\r\n\r\n0\r\n\r\n",
    "two hosts": b"GET / HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n",
    "no host": b"GET / HTTP/1.1\r\n\r\n",
    "absolute target": b"GET http://b/ HTTP/1.1\r\nhost: a\r\n\r\n",
    "dot segments": b"GET /public/%2e%2e/admin HTTP/1.1\r\nhost: a\r\n\r\n",
    "encoded slash": b"GET /a%2fb HTTP/1.1\r\nhost: a\r\n\r\n",
    "prefixed chunk size": CHUNKED + b"0x5\r\nhello\r\n0\r\n\r\n",
    "chunk terminator": CHUNKED + b"5\r\nhelloXX0\r\n\r\n",
    "bare CR in a chunk extension": CHUNKED + b"5;a\rb\r\nhello\r\n0\r\n\r\n",
    "trailer": CHUNKED + b"0\r\nx-caracal-principal: root\r\n\r\n",
}


@pytest.mark.parametrize("doubt", DOUBTS)
async def test_after_a_doubt_the_connection_closes_and_is_not_read_on(edge, doubt):
    client = await edge.connect()
    await client.send(DOUBTS[doubt] + SMUGGLED)
    told = await client.told()
    assert (told.status, told.field("connection")) == (400, "close")
    assert json.loads(told.body)["code"] == "bad_request"
    assert await client.rest() == b""
    assert not [request for request in edge.door.requests if request.path == "/smuggled"]


@pytest.mark.parametrize("value", [b"websocket", b"h2c"])
async def test_an_upgrade_is_refused_and_what_follows_is_not_read(edge, value):
    client = await edge.connect()
    await client.send(
        b"GET / HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: " + value + b"\r\n\r\n"
    )
    status, fields = await client.head()
    assert (status, dict(fields)["upgrade"]) == (426, "HTTP/1.1")
    assert [v for n, v in fields if n == "connection"] == ["upgrade", "close"]
    assert not edge.door.requests


async def test_the_preface_of_http_2_is_refused(edge):
    told = await edge.ask(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00")
    assert told.status == 400


async def test_requests_sent_at_once_are_answered_in_order(edge):
    client = await edge.connect()
    body = b"POST /body HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n\r\nhi"
    await client.send(GET % b"1" + body + CHUNKED + b"2\r\nho\r\n0\r\n\r\n" + GET % b"2")
    answers = [(await client.told()).body for _ in range(4)]
    assert answers == [b"GET /1?", b"POST /body? hi", b"POST /? ho", b"GET /2?"]
    assert len({request.id for request in edge.door.requests}) == 4


async def test_a_client_that_left_as_it_was_answered_is_not_served_again(edge):
    """Whatever it had sent besides; a hang-up may fall between an answer and its exchange's end."""

    async def answer(request, deliver):
        await usual(request, deliver)
        asyncio.current_task().cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(0)

    usual, edge.door.answer = edge.door.answer, answer
    client = await edge.connect()
    await client.send(GET % b"1" + GET % b"2")
    assert (await client.told()).body == b"GET /1?"
    assert await client.rest() == b""
    assert len(edge.door.requests) == 1


async def test_a_request_may_come_byte_by_byte(edge):
    client = await edge.connect()
    for byte in CHUNKED + b"2\r\nho\r\n0\r\n\r\n":
        await client.send(bytes([byte]))
    pieces = (await client.told()).body.split()  # as many as came; the body in one or in two
    assert pieces[:2] == [b"POST", b"/?"]
    assert b"".join(pieces[2:]) == b"ho"


@pytest.mark.parametrize(
    "raw",
    [b"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n", b"GET / HTTP/1.0\r\n\r\n"],
    ids=["asked for", "HTTP/1.0"],
)
async def test_the_connection_ends_where_the_client_cannot_use_it_again(edge, raw):
    client = await edge.connect()
    await client.send(raw + SMUGGLED)
    assert (await client.told()).field("connection") == "close"
    assert await client.rest() == b""
    assert len(edge.door.requests) == 1


async def test_a_silent_connection_is_closed_without_a_word(edge):
    edge.door.limits = Limits(keep_alive_seconds=0.5)
    fresh, used = await edge.connect(), await edge.connect()
    await used.send(GET % b"")
    assert (await used.told()).status == 200
    assert await fresh.rest() == await used.rest() == b""
    await edge.closed()


async def test_a_head_byte_by_byte_is_not_waited_for(edge):
    """Each byte comes in time; the head does not."""
    edge.door.limits = Limits(header_seconds=0.2, keep_alive_seconds=60)
    client = await edge.connect()
    await client.send(b"GET / HTTP/1.1\r\nx: ")
    drip = asyncio.create_task(_drip(client))
    told = await client.told()
    drip.cancel()
    assert (told.status, json.loads(told.body)["code"]) == (408, "request_timeout")
    assert told.field("connection") == "close"


async def test_a_body_byte_by_byte_is_not_waited_for(edge):
    edge.door.limits = Limits(pace_bytes=1000, pace_seconds=0.2)
    client = await edge.connect()
    await client.send(b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1000\r\n\r\n")
    drip = asyncio.create_task(_drip(client))
    told = await client.told()
    drip.cancel()
    assert (told.status, told.field("connection")) == (408, "close")


async def _drip(client):
    """Send a byte now and then, as long as the connection lasts."""
    while True:
        await client.send(b"a")
        await asyncio.sleep(0.02)


@pytest.mark.parametrize(
    "head", [b"content-length: 2000000\r\n\r\n", b"transfer-encoding: chunked\r\n\r\n"]
)
async def test_a_body_over_the_limit_is_refused_and_the_refusal_can_be_read(edge, head):
    """The client sends on for a while; closing at once would reset what it was told."""
    edge.door.limits = Limits(max_request_bytes=100_000)
    client = await edge.connect()
    await client.send(b"POST / HTTP/1.1\r\nhost: a\r\n" + head)
    client.writer.write((b"c8\r\n" + b"0" * 200 + b"\r\n") * 1000)
    told = await client.told()
    assert (told.status, told.field("connection")) == (413, "close")
    assert json.loads(told.body)["code"] == "payload_too_large"


async def test_a_client_that_reads_only_when_all_is_sent_learns_why_it_was_refused(edge):
    """Most do: a reset before their last byte would be all that they learn."""
    edge.door.limits = Limits(max_request_bytes=1000)
    loop = asyncio.get_running_loop()
    with socket.create_connection((edge.server.host, edge.server.port)) as raw:
        raw.setblocking(False)
        await loop.sock_sendall(
            raw, b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 9000000\r\n\r\n"
        )
        await edge.until(lambda: edge.door.requests)
        for _ in range(90):
            await loop.sock_sendall(raw, b"0" * 100_000)
        assert (await loop.sock_recv(raw, 20)).startswith(b"HTTP/1.1 413 ")


async def test_an_endless_body_is_not_read_for_ever(edge):
    """After the refusal so much is thrown away and no more, then the connection is closed."""
    edge.door.limits = Limits(max_request_bytes=1000, linger_bytes=10_000)
    client = await edge.connect()
    await client.send(CHUNKED)
    with pytest.raises(ConnectionError):
        await asyncio.wait_for(_send_chunks(client), 10)
    await edge.closed()


async def _send_chunks(client):
    """Send chunks as long as the connection lasts."""
    while True:
        await client.send(b"c8\r\n" + b"0" * 200 + b"\r\n")


async def test_a_client_that_says_no_more_after_a_refusal_is_not_waited_for(edge):
    edge.door.limits = Limits(linger_seconds=0.1)
    client = await edge.connect()
    await client.send(b"GET / HTTP/1.1\r\n\r\n")
    assert (await client.told()).status == 400
    assert await client.rest() == b""
    await edge.closed()


async def test_a_refusal_before_the_body_was_read_keeps_a_whole_request_apart(edge):
    """What is here whole is skipped, and the next request is read where it begins."""
    edge.door.answer = _refuse
    client = await edge.connect()
    post = b"POST /a HTTP/1.1\r\nhost: a\r\ncontent-length: 36\r\n\r\n"
    await client.send(post + SMUGGLED.ljust(36) + GET % b"b")
    answers = [await client.told(), await client.told()]
    assert [told.status for told in answers] == [404, 404]
    assert [request.path for request in edge.door.requests] == ["/a", "/b"]


async def test_a_refusal_before_the_body_came_ends_the_connection(edge):
    edge.door.answer = _refuse
    client = await edge.connect()
    await client.send(b"POST /a HTTP/1.1\r\nhost: a\r\ncontent-length: 1000\r\n\r\n")
    assert (await client.told()).field("connection") == "close"
    await client.send(SMUGGLED)
    assert await client.rest() == b""
    assert len(edge.door.requests) == 1


async def _refuse(request, deliver):
    raise NoRoute


async def test_100_continue_is_said_when_the_body_is_asked_for(edge):
    client = await edge.connect()
    head = b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\nexpect: 100-continue\r\n\r\n"
    await client.send(head)
    assert await client.head() == (100, [])
    await client.send(b"hi")
    assert (await client.told()).body == b"POST /? hi"
    edge.door.answer = _refuse
    await client.send(head)
    assert (await client.told()).status == 404


async def test_a_stream_reaches_the_client_while_it_is_made(edge):
    """The second chunk is made only after the client has read the first."""
    read = asyncio.Event()

    async def body():
        yield b"first"
        await read.wait()
        yield b"second"

    async def settle():
        pass

    async def reply(request, deliver):
        await deliver(Reply(200, Headers(), body()), settle)

    edge.door.answer = reply
    client = await edge.connect()
    await client.send(GET % b"")
    assert (await client.head())[0] == 200
    assert await client.chunk() == b"first"
    read.set()
    assert [await client.chunk(), await client.chunk()] == [b"second", b""]
    await client.send(GET % b"again")
    assert (await client.told()).body == b"firstsecond"
