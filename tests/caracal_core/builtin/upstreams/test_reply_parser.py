"""Proved here: a proper reply is read whatever way its bytes are cut, and no other one is."""

from __future__ import annotations

import gc
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caracal_core.builtin.upstreams.reply_parser import (
    MAX_FIELDS,
    MAX_HEAD_BYTES,
    BrokenReply,
    ReplyParser,
)

OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"


def read(*pieces: bytes, method: str = "GET") -> tuple[ReplyParser, bytes]:
    parser = ReplyParser(method)
    body = b""
    for piece in pieces:
        parser.feed(piece)
        body += parser.take()
    return parser, body


def test_a_reply_of_declared_length_is_read():
    """Status, fields, length and body; framing is no field of the reply."""
    parser, body = read(OK + b"X-Word: a b \t\r\nContent-Length: 3\r\n\r\nabc")
    assert (parser.head.status, parser.head.length, body) == (200, 3, b"abc")
    assert list(parser.head.headers) == [("x-word", "a b")]
    assert parser.complete
    assert parser.keep_alive


def test_a_chunked_reply_is_read():
    """Extensions and trailers are passed over; the length is unknown."""
    parser, body = read(CHUNKED + b"2;a=b\r\nab\r\n1\r\nc\r\n0\r\nX-Trailer: t\r\n\r\n")
    assert (parser.head.length, body, parser.complete) == (None, b"abc", True)
    assert "x-trailer" not in parser.head.headers
    assert parser.keep_alive


def test_a_reply_without_framing_ends_with_its_connection():
    """RFC 9112 section 6.3, rule 8; such a connection is never kept."""
    parser, body = read(OK + b"\r\nabc", b"def")
    assert not parser.complete
    parser.end()
    assert (parser.complete, body, parser.keep_alive) == (True, b"abcdef", False)


@pytest.mark.parametrize(
    ("method", "start", "kept"),
    [
        ("HEAD", b"HTTP/1.1 200 OK\r\nX: y", False),
        ("HEAD", b"HTTP/1.1 200 OK\r\nContent-Length: 0", True),
        ("HEAD", b"HTTP/1.1 200 OK\r\nContent-Length: 7", False),
        ("HEAD", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked", False),
        ("GET", b"HTTP/1.1 204 No Content\r\nX: y", True),
        ("GET", b"HTTP/1.1 204 No Content\r\nContent-Length: 7", False),
        ("GET", b"HTTP/1.1 304 Not Modified\r\nX: y", True),
        ("GET", b"HTTP/1.1 304 Not Modified\r\nContent-Length: 7", False),
    ],
)
def test_a_reply_without_a_body_ends_at_its_head(method, start, kept):
    """Nobody waits for a body that does not come; where one is declared, it may come yet."""
    parser, body = read(start + b"\r\n\r\n", method=method)
    assert (parser.complete, body, parser.keep_alive) == (True, b"", kept)


@pytest.mark.parametrize(
    ("method", "start", "length"),
    [
        ("HEAD", b"HTTP/1.1 200 OK\r\nContent-Length: 7", 7),
        ("GET", b"HTTP/1.1 304 Not Modified\r\nContent-Length: 7", 7),
        ("GET", b"HTTP/1.1 204 No Content\r\nContent-Length: 7", None),
    ],
)
def test_the_length_of_a_body_that_stays_away_is_told(method, start, length):
    """A client of HEAD asks for it; in a 204 it means nothing."""
    assert read(start + b"\r\n\r\n", method=method)[0].head.length == length


def test_interim_replies_are_passed_over():
    """100 and 103 come before the reply and are not it; their fields are not its own."""
    interim = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nLink: x\r\n\r\n"
    parser, body = read(interim + OK + b"Content-Length: 1\r\n\r\na")
    assert (parser.head.status, body, len(parser.head.headers)) == (200, b"a", 0)


def test_hop_by_hop_fields_end_here():
    """So do those that Connection names, and everything that only the gateway may say."""
    head = (
        b"Connection: close, X-Named\r\nX-Named: 1\r\nKeep-Alive: timeout=5\r\nTrailer: x\r\n"
        b"Proxy-Authenticate: Basic\r\nUpgrade: h2c\r\nX-Caracal-Actual-Cost: 0\r\nETag: e\r\n"
    )
    parser, _ = read(OK + head + b"Content-Length: 0\r\n\r\n")
    assert list(parser.head.headers) == [("etag", "e")]
    assert not parser.keep_alive


def test_repeated_fields_stay_apart_and_in_order():
    """Joined Set-Cookie lines cannot be told apart again (RFC 9110 section 5.3)."""
    parser, _ = read(
        OK + b"Set-Cookie: a=1\r\nX: y\r\nSet-Cookie: b=2\r\nContent-Length: 0\r\n\r\n"
    )
    assert parser.head.headers.all("set-cookie") == ("a=1", "b=2")


def test_octets_beyond_ascii_are_kept():
    """They are opaque (RFC 9110 section 5.5) and go on as they came."""
    parser, _ = read(OK + b"X: caf\xe9 \xff\r\nContent-Length: 0\r\n\r\n")
    assert parser.head.headers.get("x") == "caf\xe9 \xff"


BROKEN_HEADS = {
    "carriage return in a value": OK + b"X: a\rb\r\n\r\n",
    "line feed ends a line": OK + b"X: a\nY: b\r\n\r\n",
    "NUL in a value": OK + b"X: a\0b\r\n\r\n",
    "control character in a value": OK + b"X: a\x01b\r\n\r\n",
    "DEL in a value": OK + b"X: a\x7f\r\n\r\n",
    "folded line": OK + b"X: a\r\n b\r\n\r\n",
    "space in a name": OK + b"X y: a\r\n\r\n",
    "space after a name": OK + b"X : a\r\n\r\n",
    "octet beyond ASCII in a name": OK + b"X-Caracal-Principal\x80: root\r\n\r\n",
    "no name": OK + b": a\r\n\r\n",
    "two lengths": OK + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\na",
    "the same length twice": OK + b"Content-Length: 1\r\nContent-Length: 1\r\n\r\na",
    "list of lengths": OK + b"Content-Length: 1, 1\r\n\r\na",
    "signed length": OK + b"Content-Length: +1\r\n\r\na",
    "length in other digits": OK + "Content-Length: \u0661\r\n\r\na".encode(),
    "empty length": OK + b"Content-Length:\r\n\r\na",
    "endless length": OK + b"Content-Length: 99999999999999999999\r\n\r\na",
    "length and coding": OK + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\na",
    "coding and length": OK + b"Transfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\na",
    "other coding": OK + b"Transfer-Encoding: gzip\r\n\r\na",
    "two codings": OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "chunked twice": OK + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
    "switched protocols": b"HTTP/1.1 101 Go\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
    "other version": b"HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n",
    "no HTTP": b"SSH-2.0-server\r\n",
    "short status": b"HTTP/1.1 20 OK\r\n\r\n",
    "status of none": b"HTTP/1.1 099 OK\r\nContent-Length: 0\r\n\r\n",
    "status of another world": b"HTTP/1.1 600 OK\r\nContent-Length: 0\r\n\r\n",
    "flood of interim replies": b"HTTP/1.1 100 Continue\r\n\r\n" * 9 + OK,
    "too many fields": OK + b"X: y\r\n" * (MAX_FIELDS + 1) + b"\r\n",
    "too long a value": OK + b"X: " + b"y" * MAX_HEAD_BYTES + b"\r\n\r\n",
    "no end": OK + b"X: " + b"y" * MAX_HEAD_BYTES,
    "too long altogether": OK + b"X-Pad: 0123456789abcdef0123456789\r\n" * 2000 + b"\r\n",
}


@pytest.mark.parametrize("head", BROKEN_HEADS.values(), ids=BROKEN_HEADS)
def test_a_broken_head_is_no_head(head):
    """It is refused before anybody could act on it."""
    parser = ReplyParser("GET")
    with pytest.raises(BrokenReply):
        parser.feed(head)
    assert parser.head is None


BROKEN_BODIES = {
    "hexadecimal prefix": b"0x1\r\na\r\n0\r\n\r\n",
    "negative size": b"-1\r\na\r\n0\r\n\r\n",
    "space after the size": b"1 \r\na\r\n0\r\n\r\n",
    "size without end": b"fffffffffffffffff\r\na\r\n0\r\n\r\n",
    "size ended by a line feed": b"1\na\r\n0\r\n\r\n",
    "data not ended": b"1\r\nab\r\n0\r\n\r\n",
    "line feed in an extension": b"1;a\nb\r\na\r\n0\r\n\r\n",
    "broken trailer": b"0\r\nX y: a\r\n\r\n",
    "endless trailers": b"0\r\n" + b"X: y\r\n" * (MAX_FIELDS + 1) + b"\r\n",
}


@pytest.mark.parametrize("body", BROKEN_BODIES.values(), ids=BROKEN_BODIES)
def test_a_broken_body_is_not_complete(body):
    """The framing is what tells a whole reply from half of one."""
    parser = ReplyParser("GET")
    with pytest.raises(BrokenReply):
        parser.feed(CHUNKED + body)
    assert not parser.complete


def test_what_came_before_the_fault_can_be_taken():
    """The client gets what it would have got, and then the abort."""
    parser = ReplyParser("GET")
    with pytest.raises(BrokenReply):
        parser.feed(CHUNKED + b"2\r\nab\r\nnonsense\r\n")
    assert parser.take() == b"ab"


@pytest.mark.parametrize(
    "came",
    [b"", OK, OK + b"Content-Length: 3\r\n\r\nab", CHUNKED + b"2\r\nab\r\n", CHUNKED + b"0\r\n"],
    ids=["nothing", "half a head", "half a body", "no last chunk", "half a last chunk"],
)
def test_an_early_end_is_no_end(came):
    """A connection that closes within a reply has cut it."""
    parser = ReplyParser("GET")
    parser.feed(came)
    with pytest.raises(BrokenReply):
        parser.end()
    assert not parser.complete


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("at_once", [True, False], ids=["at once", "later"])
@pytest.mark.parametrize("extra", [b"x", OK + b"Content-Length: 0\r\n\r\n"])
def test_bytes_after_a_reply_spoil_the_connection(method, at_once, extra):
    """They would pass for the reply to the next request, which may be somebody else's."""
    reply = OK + (b"Content-Length: 1\r\n\r\na" if method == "GET" else b"X: y\r\n\r\n")
    parser, body = read(*([reply + extra] if at_once else [reply, extra]), method=method)
    assert parser.complete
    assert not parser.keep_alive
    assert body == (b"a" if method == "GET" else b"")


@pytest.mark.parametrize(
    ("head", "kept"),
    [
        (b"HTTP/1.1 200 OK\r\n", True),
        (b"HTTP/1.1 200 OK\r\nConnection: close\r\n", False),
        (b"HTTP/1.1 200 OK\r\nConnection: Upgrade, CLOSE\r\nUpgrade: h2\r\n", False),
        (b"HTTP/1.0 200 OK\r\n", False),
        (b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n", True),
    ],
)
def test_the_upstream_says_whether_its_connection_is_kept(head, kept):
    """RFC 9112 section 9.3."""
    parser, body = read(head + b"Content-Length: 1\r\n\r\na")
    assert (parser.keep_alive, body) == (kept, b"a")


@given(
    st.sampled_from(
        [
            OK + b"X: y\r\nContent-Length: 11\r\n\r\nhello world",
            CHUNKED + b"5\r\nhello\r\n6;x=y\r\n world\r\n0\r\nT: u\r\n\r\n",
            b"HTTP/1.1 100 Continue\r\n\r\n" + OK + b"Content-Length: 11\r\n\r\nhello world",
        ]
    ),
    st.lists(st.integers(0, 120)),
)
def test_where_the_bytes_are_cut_does_not_matter(reply, cuts):
    """TCP cuts anywhere."""
    bounds = [0, *sorted(cut for cut in cuts if cut < len(reply)), len(reply)]
    pieces = [reply[a:b] for a, b in pairwise(bounds)]
    parser, body = read(*pieces)
    assert (parser.head.status, body, parser.complete) == (200, b"hello world", True)


@given(st.binary(max_size=300), st.binary(max_size=40))
def test_no_bytes_do_anything_but_break_or_wait(data, more):
    """Whatever an upstream sends, the outcome is one of three."""
    parser = ReplyParser("GET")
    try:
        parser.feed(OK + data)
        parser.feed(more)
        parser.end()
    except BrokenReply:
        return
    assert parser.complete


def test_a_parser_that_is_done_leaves_no_garbage():
    """No reference cycle waits for the garbage collector on the hot path."""
    gc.collect()
    gc.disable()
    try:
        read(OK + b"Content-Length: 1\r\n\r\na")
        assert gc.collect() == 0
    finally:
        gc.enable()


def test_what_a_call_did_cost_is_told_apart_from_the_reply():
    """However often and wherever it stands; an interim reply states nothing."""
    parser = ReplyParser("GET")
    parser.feed(b"HTTP/1.1 103 Early Hints\r\nX-Caracal-Actual-Cost: 9\r\n\r\n")
    parser.feed(b"HTTP/1.1 200 OK\r\nX-CARACAL-Actual-Cost:  0.1 \r\nA: b\r\n")
    parser.feed(b"x-caracal-actual-cost:\r\nX-Caracal-Charge-Id: x\r\nContent-Length: 0\r\n\r\n")
    assert parser.head.stated_costs == ("0.1", "")
    assert list(parser.head.headers) == [("a", "b")]
