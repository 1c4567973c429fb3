"""Proved here: one request goes out once, its reply comes back, and nothing else gets through.

The general promises are the contract's; beside them stand those of this upstream alone.
"""

from __future__ import annotations

import asyncio
import resource

import pytest

from caracal_core.builtin.upstreams.upstream import HttpUpstream
from caracal_core.errors import Failure, UpstreamUnreachable
from caracal_core.testing.contracts import UpstreamContract
from caracal_core.testing.fakes import FakeBody, a_request, a_route

PATIENCE_SECONDS = 10
OK = b"HTTP/1.1 200 OK\r\n"
REPLY = OK + b"Content-Length: 2\r\n\r\nok"
MB = 2**20


class TestContract(UpstreamContract):
    """It owes what every upstream owes."""

    @pytest.fixture
    async def upstream(self, far_side, connect):
        return await connect(far_side.url)


def test_it_says_how_long_a_reply_may_take():
    """The stage that waits for it asks."""
    assert HttpUpstream("up", 12.5).reply_seconds == 12.5


def test_it_must_be_open():
    """Before its lifespan there is nothing to send over."""
    with pytest.raises(Failure, match="not open"):
        HttpUpstream("up", 1).send(a_request(), a_route(), lambda: None)


@pytest.mark.parametrize(
    "field",
    [b"X: a\rSet-Cookie: evil=1", b"X: a\0b", b"X\x80: a", b"X y: a", b"X: a\r\n folded"],
    ids=["CR", "NUL", "non-token name", "space in name", "folded"],
)
async def test_a_broken_field_is_a_502(replying, connect, call, field):
    """Case 9: it could end as a second response at the client."""
    server = await replying(OK + field + b"\r\nContent-Length: 2\r\n\r\nok")
    with pytest.raises(UpstreamUnreachable) as raised:
        await call(await connect(server.url))
    assert (raised.value.status, raised.value.part) == (502, "upstream up")
    assert server.ended.is_set() or server.connections == 1


@pytest.mark.parametrize(
    "reply",
    [
        b"HTTP/1.1 100 Continue\r\n\r\n" * 100_000,
        OK + b"X: y\r\n" * 100_000,
        OK + b"X: " + b"y" * 10 * MB,
        OK + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\nok",
        b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
    ],
    ids=["flood of 1xx", "flood of fields", "endless value", "two lengths", "switch"],
)
async def test_a_broken_head_is_a_502(replying, connect, call, reply):
    """Case 10: within bounded memory and time, whatever comes."""
    server = await replying(reply)
    with pytest.raises(UpstreamUnreachable):
        await call(await connect(server.url))


@pytest.mark.parametrize(
    "reply",
    [
        OK + b"Content-Length: 9\r\n\r\nhalf",
        OK + b"Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
        OK + b"Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n0x0\r\n\r\n",
        OK + b"Transfer-Encoding: chunked\r\n\r\n4\r\nhalfXX0\r\n\r\n",
    ],
    ids=["short of its length", "no last chunk", "broken size", "broken terminator"],
)
async def test_a_broken_body_breaks_off(replying, connect, call, reply):
    """Case 10: the client gets what came, and then the break; never a clean end."""
    server = await replying(reply, close=True)
    upstream = await connect(server.url)
    seen = []
    with pytest.raises(UpstreamUnreachable):
        await call(upstream, seen=seen)
    assert b"".join(seen) == b"half"


async def test_a_body_ends_at_its_length(replying, connect, call):
    """Surplus bytes reach neither this client nor the next."""
    server = await replying(REPLY + OK + b"Content-Length: 6\r\n\r\nPOISON")
    upstream = await connect(server.url)
    for _ in range(3):
        assert (await call(upstream)).body == b"ok"
    assert server.connections == 3


async def test_connections_are_kept(replying, connect, call):
    """A dial for each call would cost more than the call."""
    server = await replying(REPLY)
    upstream = await connect(server.url)
    for _ in range(5):
        assert (await call(upstream)).body == b"ok"
    assert (server.connections, len(server.heads)) == (1, 5)


async def test_leaving_a_whole_reply_unread_keeps_the_connection_clean(replying, connect, call):
    """What one caller left behind, the next does not get."""
    server = await replying(OK + b"Content-Length: 5\r\n\r\nfirst")
    upstream = await connect(server.url)
    async with upstream.send(a_request(), a_route(), lambda: None) as reply:
        assert reply.status == 200
    assert (await call(upstream)).body == b"first"


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "OPTIONS", "POST"])
@pytest.mark.parametrize("kept", [True, False], ids=["kept connection", "new connection"])
async def test_nothing_is_sent_again(raw_server, connect, call, method, kept):
    """Hazard 1.6: the request arrived and the connection dropped; it may have cost already."""

    async def talk(reader, writer):
        while True:
            head = await server.head(reader)
            if b"/dropped" in head:
                return
            writer.write(REPLY)

    server = await raw_server(talk)
    upstream = await connect(server.url)
    if kept:
        await call(upstream)
    told = []
    with pytest.raises(UpstreamUnreachable):
        await call(
            upstream, a_request(method), a_route(target="/dropped"), lambda: told.append(True)
        )
    assert sum(b"/dropped" in head for head in server.heads) == 1
    assert server.connections == 1
    assert told == [True]


async def test_a_redirect_takes_the_credential_nowhere(replying, raw_server, connect, call):
    """Case 11: passed on as it is; whoever it names hears nothing."""
    elsewhere = await replying(REPLY)
    location = f"Location: {elsewhere.url}/stolen".encode()
    server = await replying(b"HTTP/1.1 307 Go\r\n" + location + b"\r\nContent-Length: 0\r\n\r\n")
    heard = await call(await connect(server.url, headers={"Authorization": "Bearer own"}))
    assert (heard.status, heard.headers.get("location")) == (307, f"{elsewhere.url}/stolen")
    assert elsewhere.connections == 0


async def test_the_upstream_gets_its_own_credential(replying, connect, call):
    """Case 49: never the agent's, in whatever field it came."""
    server = await replying(REPLY)
    own = {"Authorization": "Bearer own", "x-api-key": "own-key"}
    shown = {"authorization": "Bearer agents", "x-api-key": "agents", "cookie": "session=agents"}
    await call(await connect(server.url, headers=own), a_request(headers=shown))
    head = server.heads[0]
    assert b"Authorization: Bearer own\r\n" in head
    assert b"x-api-key: own-key\r\n" in head
    assert b"agents" not in head


async def test_identity_fields_never_arrive(replying, connect, call):
    """Cases 5 and 6: what names the caller is the gateway's to say."""
    server = await replying(REPLY)
    fields = [
        ("connection", "authorization, x-caracal-principal, x-hidden"),
        ("x-caracal-principal", "leaked"),
        ("x-caracal-principal\x80", "leaked"),
        ("x_caracal_principal", "leaked"),
        ("x-hidden", "leaked"),
        ("x-forwarded-for", "leaked"),
        ("forwarded", "for=leaked"),
    ]
    await call(await connect(server.url), a_request(headers=fields))
    assert b"leaked" not in server.heads[0]


async def test_two_upstreams_share_no_connection(replying, connect, call):
    """Case 47: even to one address, each has its own, and each its own credential."""
    server = await replying(REPLY)
    for key in ("one", "two"):
        await call(await connect(server.url, headers={"X-Key": key}))
    assert server.connections == 2


async def test_a_kept_connection_carries_no_state(replying, connect, call):
    """Case 47: a cookie set for one agent is not sent for another."""
    server = await replying(OK + b"Set-Cookie: s=secret; Path=/\r\nContent-Length: 2\r\n\r\nok")
    upstream = await connect(server.url)
    for _ in range(2):
        heard = await call(upstream)
        assert heard.headers.get("set-cookie") == "s=secret; Path=/"
    assert server.connections == 1
    assert b"secret" not in b"".join(server.heads)


async def test_a_poisoned_connection_reaches_nobody(raw_server, connect, call):
    """Case 47: a reply that comes unasked is not the next agent's."""
    go = asyncio.Event()

    async def talk(reader, writer):
        await server.head(reader)
        writer.write(REPLY)
        if server.connections == 1:
            await go.wait()
            writer.write(OK + b"Content-Length: 6\r\n\r\nPOISON")
        await reader.read()

    server = await raw_server(talk)
    upstream = await connect(server.url)
    assert (await call(upstream)).body == b"ok"
    go.set()
    async with asyncio.timeout(PATIENCE_SECONDS):
        await server.ended.wait()
    assert (await call(upstream)).body == b"ok"


async def test_the_body_of_a_reply_to_head_reaches_nobody(raw_server, connect, call):
    """Case 47: a faulty upstream sends it when the connection would have been lent again."""

    async def talk(reader, writer):
        while True:
            head = await server.head(reader)
            if head.startswith(b"HEAD"):
                body = OK + b"Content-Length: 6\r\n\r\nPOISON"
                writer.write(OK + b"Content-Length: %d\r\n\r\n" % len(body))
                await reader.readexactly(1)  # the next request is on its way
                writer.write(body)
                return
            writer.write(REPLY)

    server = await raw_server(talk)
    upstream = await connect(server.url)
    heard = await call(upstream, a_request("HEAD"))
    assert (heard.length, heard.body) == (44, b"")
    assert (await call(upstream)).body == b"ok"


@pytest.mark.parametrize("moment", ["before the head", "within the body"])
async def test_a_client_that_leaves_ends_the_call(raw_server, connect, moment):
    """Case 16: the upstream sees it at once and can stop its work."""
    arrived = asyncio.Event()

    async def talk(reader, writer):
        await server.head(reader)
        if moment == "within the body":
            writer.write(OK + b"Content-Type: text/event-stream\r\n\r\ndata: 1\n\n")
        arrived.set()
        await reader.read()

    async def listen():
        async with upstream.send(a_request(), a_route(), lambda: None) as reply:
            async for _ in reply.body:
                pass

    server = await raw_server(talk)
    upstream = await connect(server.url)
    listening = asyncio.ensure_future(listen())
    async with asyncio.timeout(PATIENCE_SECONDS):
        await arrived.wait()
        listening.cancel()
        await asyncio.wait({listening})
        await server.ended.wait()
    assert listening.cancelled()


def resident_bytes() -> int:
    with open("/proc/self/statm") as statm:  # noqa: PTH123 - one line, in a test
        return int(statm.read().split()[1]) * resource.getpagesize()


async def test_a_long_body_takes_little_memory_both_ways(raw_server, connect):
    """Case 15: 200 MB up and 200 MB down, with less than 50 MB to hold them."""
    total, piece = 200 * MB, bytes(64 * 1024)
    received = 0

    async def talk(reader, writer):
        nonlocal received
        await server.head(reader)
        while received < total:
            received += len(await reader.read(MB))
        writer.write(OK + b"Content-Length: %d\r\n\r\n" % total)
        for _ in range(total // len(piece)):
            writer.write(piece)
            await writer.drain()

    class LongBody(FakeBody):
        length = total

        async def __aiter__(self):
            nonlocal peak
            for _ in range(total // len(piece)):
                peak = max(peak, resident_bytes())
                yield piece

    server = await raw_server(talk)
    upstream = await connect(server.url)
    before = peak = resident_bytes()
    read = 0
    async with asyncio.timeout(60):
        request = a_request("POST", body=LongBody())
        async with upstream.send(request, a_route(), lambda: None) as reply:
            async for data in reply.body:
                read += len(data)
                peak = max(peak, resident_bytes())
    assert (received, read) == (total, total)
    assert peak - before < 50 * MB


async def test_a_gzip_bomb_is_not_unpacked(replying, connect, call):
    """Case 15: the bytes go on as they came; whoever unpacks them has been warned."""
    bomb = b"\x1f\x8b\x08\x00" + bytes(1000)
    head = OK + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(bomb)
    server = await replying(head + bomb)
    heard = await call(await connect(server.url))
    assert (heard.body, heard.headers.get("content-encoding")) == (bomb, "gzip")


COSTS = {
    b"X-Caracal-Actual-Cost: 0.25\r\n": "0.25",
    b"X-Caracal-Actual-Cost: 0.1\r\nX-Caracal-Actual-Cost: 0.2\r\n": "0.1, 0.2",
    b"X-Caracal-Actual-Cost:\r\n": "",
    b"X-Caracal-Actual-Costs: 1\r\n": None,
}


@pytest.mark.parametrize("fields", sorted(COSTS))
@pytest.mark.parametrize("trusted", [False, True])
async def test_only_a_trusted_one_states_what_a_call_did_cost(replying, connect, fields, trusted):
    """And no client reads it in the head."""
    server = await replying(OK + fields + b"Content-Length: 2\r\n\r\nok")
    upstream = await connect(server.url, trust_actual_cost=trusted)
    async with upstream.send(a_request(), a_route(), lambda: None) as reply:
        assert reply.actual_cost == (COSTS[fields] if trusted else None)
        assert not [name for name, _ in reply.headers if name.startswith("x-caracal")]
