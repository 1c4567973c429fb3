"""A head is read in time and within its size, wherever the network cuts it."""

import asyncio
import ssl
from time import monotonic, time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from caracal_core.domain import Connection
from caracal_core.edge.inbound import describe_connection, new_id, read_head, receive_request
from caracal_core.edge.limits import Limits
from caracal_core.errors import Answered, BadRequest, RequestTimeout

HEAD = b"POST /a?b HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n"
SMALL = Limits(header_bytes=60)

HEADS = {
    "plain": HEAD + b"abc",
    "after an empty line": b"\r\n" + HEAD + b"abc",
    "after two empty lines": b"\r\n\r\n" + HEAD,
    "as long as allowed": b"GET / HTTP/1.1\r\nhost: a\r\nx: " + b"0" * 32 + b"\r\n\r\n",
    "one too long": b"GET / HTTP/1.1\r\nhost: a\r\nx: " + b"0" * 33 + b"\r\n\r\n",
    "as long as allowed, after an empty line": (
        b"\r\nGET / HTTP/1.1\r\nhost: a\r\nx: " + b"0" * 32 + b"\r\n\r\n"
    ),
    "endless": b"GET / HTTP/1.1\r\nhost: a\r\nx: " + b"0" * 100,
    "endless, with a NUL": b"GET / HTTP/1.1\r\nhost: a\r\nx: \x00" + b"0" * 100,
    "NUL past the limit": b"GET / HTTP/1.1\r\nhost: a\r\nx: " + b"0" * 100 + b"\x00\r\n\r\n",
    "bare CR": b"GET / HTTP/1.1\r\nhost: a\rb: c\r\n\r\n",
    "bare CR, incomplete": b"GET / HTTP/1.1\r\nhost: a\rb",
    "bare LF": b"GET / HTTP/1.1\r\nhost: a\nb: c\r\n\r\n",
    "bare LF at the end": b"GET / HTTP/1.1\r\nhost: a\n\n",
    "CR LF in reverse": b"GET / HTTP/1.1\r\nhost: a\n\r\n\r",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "incomplete": b"GET / HTTP/1.1\r\nhost: a\r\n",
    "nothing but line breaks": b"\r\n\r\n\r\n\r\n",
    "one letter": b"G\r\n\r\n",
}


def outcome(line_of, first, *pieces, limits=SMALL):
    """Return what a head that comes in these pieces becomes, and what is left of the bytes."""
    line = line_of(*pieces, limits=limits)
    line.received += first

    async def read():
        head = await read_head(line)
        return head.path, list(head.headers), bytes(line.received) + b"".join(line.pieces)

    try:
        return asyncio.run(read())
    except Answered as error:
        return error.status, error.detail


@pytest.mark.parametrize("kind", HEADS)
def test_where_a_head_is_split_makes_no_difference(line_of, kind):
    raw = HEADS[kind]
    whole = outcome(line_of, raw)
    for at in range(1, len(raw)):
        assert outcome(line_of, raw[:at], raw[at:]) == whole, at
    assert outcome(line_of, raw[:1], *(raw[at : at + 1] for at in range(1, len(raw)))) == whole


def test_a_head_leaves_what_follows_it(line_of):
    assert outcome(line_of, HEADS["plain"])[2] == b"abc"
    assert outcome(line_of, HEADS["after an empty line"])[0] == "/a"


@pytest.mark.parametrize(
    ("kind", "status"),
    {
        "after two empty lines": 400,
        "one too long": 431,
        "endless": 431,
        "endless, with a NUL": 400,
        "NUL past the limit": 431,
        "bare CR, incomplete": 400,
        "bare LF at the end": 400,
        "TLS": 400,
        "HTTP/2": 400,
        "incomplete": 408,
        "one letter": 400,
    }.items(),
)
def test_a_head_that_is_none_is_refused(line_of, kind, status):
    assert outcome(line_of, HEADS[kind])[0] == status


def test_the_longest_head_is_taken(line_of):
    assert outcome(line_of, HEADS["as long as allowed"])[0] == "/"
    assert outcome(line_of, HEADS["as long as allowed, after an empty line"])[0] == "/"


async def test_the_time_for_a_head_is_counted_from_its_first_byte(line_of):
    """More bytes win no time."""
    line = line_of(*[b"a"] * 5)
    line.received += b"GET /"
    with pytest.raises(RequestTimeout):
        await read_head(line)
    assert max(line.waits) <= line.limits.header_seconds
    assert line.waits == sorted(line.waits, reverse=True)
    assert len(set(line.waits)) == 6


async def test_a_request_is_what_its_head_said(line_of):
    line, connection = line_of(), Connection("192.0.2.1", tls=True)
    line.received += HEAD + b"abc"
    before, began = time(), monotonic()
    request, body = receive_request(await read_head(line), line, connection)
    assert (request.method, request.path, request.query) == ("POST", "/a", "b")
    assert request.headers.get("host") == "a"
    assert request.connection is connection
    assert before <= request.received_at <= time()
    assert began <= request.began_at <= monotonic()
    assert request.body is body
    assert await request.body.peek(3) == b"abc"


async def test_a_request_without_a_body_has_an_empty_one(line_of):
    line = line_of()
    line.received += b"GET / HTTP/1.1\r\nhost: a\r\n\r\n"
    request, _ = receive_request(await read_head(line), line, Connection(""))
    assert request.body.length == 0
    assert await request.body.peek(0) == b""


def test_every_exchange_has_its_own_name():
    names = {new_id() for _ in range(1000)}
    assert len(names) == 1000
    assert all(len(name) == 32 and set(name) <= set("0123456789abcdef") for name in names)


class Transport:
    """Knows of the other end what it was given."""

    def __init__(self, **extra):
        self.extra = extra

    def get_extra_info(self, name):
        return self.extra.get(name)


@pytest.mark.parametrize(
    ("peername", "peer"),
    [
        (("192.0.2.1", 5), "192.0.2.1"),
        (("::ffff:192.0.2.1", 5, 0, 0), "192.0.2.1"),
        (("2001:db8::1", 5, 0, 0), "2001:db8::1"),
        (("::ffff:0:1", 5, 0, 0), "::ffff:0:1"),
        ("", ""),
        (None, ""),
    ],
)
def test_the_peer_is_an_address(peername, peer):
    """An IPv4 client is one on a socket of both families too."""
    assert describe_connection(Transport(peername=peername)) == Connection(peer)


async def test_the_client_certificate_is_the_clients_own(
    test_server, app, door, authority, tmp_path
):
    """`request.conn_info.cert` of Sanic would be the server's."""
    server_files = authority.issue(tmp_path, "server", "server")
    client_files = authority.issue(tmp_path, "client", "agent-7")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*server_files)
    context.load_verify_locations(cadata=authority.pem.decode())
    context.verify_mode = ssl.CERT_OPTIONAL
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    server = await test_server(app, ssl=context)
    ours = ssl.create_default_context(cadata=authority.pem.decode())
    ours.verify_flags &= ~ssl.VERIFY_X509_STRICT  # Python 3.13 wants more of an authority
    for shown in (False, True):
        if shown:
            ours.load_cert_chain(*client_files)
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port, ssl=ours)
        writer.write(b"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")
        assert (await reader.read()).startswith(b"HTTP/1.1 200 ")
        writer.close()
        await writer.wait_closed()
    without, with_one = (request.connection for request in door.requests)
    assert without == Connection("127.0.0.1", tls=True)
    der = ssl.PEM_cert_to_DER_cert(client_files[0].read_text())
    assert with_one == Connection("127.0.0.1", tls=True, certificate=der)


@settings(deadline=None)
@given(st.binary(max_size=80), st.integers(1, 79))
def test_random_bytes_are_read_or_refused_alike_however_split(line_of, raw, at):
    if raw:
        cut = min(at, len(raw))
        assert outcome(line_of, raw[:cut], raw[cut:]) == outcome(line_of, raw)


def test_a_refusal_never_repeats_what_was_sent(line_of):
    """It may be a credential."""
    raw = b"GET / HTTP/1.1\r\nhost: a\r\nauthorization: hunter2\r\nauthorization: hunter2\r\n\r\n"
    with pytest.raises(BadRequest) as refusal:
        asyncio.run(read_head(_line(line_of, raw)))
    assert "hunter2" not in refusal.value.detail


def _line(line_of, raw):
    line = line_of()
    line.received += raw
    return line
