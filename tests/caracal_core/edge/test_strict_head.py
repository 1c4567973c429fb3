"""A head is read in the one way it can be read, or refused; nothing is mended on the way."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caracal_core.edge import strict_head
from caracal_core.edge.limits import Limits
from caracal_core.edge.strict_head import ExpectationFailed, HeadTooLarge, parse_head
from caracal_core.errors import Answered, BadRequest, UpgradeRefused

LIMITS = Limits()
GET = b"GET / HTTP/1.1\r\nhost: a"
POST = b"POST / HTTP/1.1\r\nhost: a"

REFUSED = {
    "octet above ASCII in a name": GET + b"\r\nX-Caracal-Principal\x80: root",
    "space after a name": GET + b"\r\ncontent-length : 3",
    "space before a name": GET + b"\r\n content-length: 3",
    "no name": GET + b"\r\n: b",
    "no colon": GET + b"\r\nfoo",
    "folded line": GET + b"\r\nlong: one\r\n two",
    "empty line": GET + b"\r\n",
    "NUL in a value": GET + b"\r\na: b\x00c",
    "BEL in a value": GET + b"\r\na: b\x07c",
    "DEL in a value": GET + b"\r\na: b\x7fc",
    "bare CR in a value": GET + b"\r\na: b\rc: d",
    "bare LF in a value": GET + b"\r\na: b\nc: d",
    "bare LF everywhere": b"GET / HTTP/1.1\nhost: a",
    "long name": GET + b"\r\n" + b"a" * 257 + b": b",
    "no host": b"GET / HTTP/1.1\r\na: b",
    "two hosts": GET + b"\r\nHost: b",
    "same host twice": GET + b"\r\nHost: a",
    "empty host": b"GET / HTTP/1.1\r\nhost:",
    "host with a path": b"GET / HTTP/1.1\r\nhost: a/b",
    "host with user": b"GET / HTTP/1.1\r\nhost: u@a",
    "list of hosts": b"GET / HTTP/1.1\r\nhost: a, b",
    "host with a junk port": b"GET / HTTP/1.1\r\nhost: a:b",
    "host in HTTP/1.0 malformed": b"GET / HTTP/1.0\r\nhost: a b",
    "length and coding": POST + b"\r\ncontent-length: 3\r\ntransfer-encoding: chunked",
    "coding and length": POST + b"\r\nTransfer-Encoding: chunked\r\nContent-Length: 3",
    "two lengths": POST + b"\r\ncontent-length: 3\r\ncontent-length: 3",
    "list of lengths": POST + b"\r\ncontent-length: 3, 3",
    "negative length": POST + b"\r\ncontent-length: -1",
    "signed length": POST + b"\r\ncontent-length: +1",
    "length with underscore": POST + b"\r\ncontent-length: 1_0",
    "length in other digits": POST + "\r\ncontent-length: \u0665".encode(),
    "hexadecimal length": POST + b"\r\ncontent-length: 0x5",
    "empty length": POST + b"\r\ncontent-length:",
    "length with a space": POST + b"\r\ncontent-length: 1 3",
    "overlong length": POST + b"\r\ncontent-length: " + b"1" * 19,
    "two codings": POST + b"\r\ntransfer-encoding: chunked\r\ntransfer-encoding: chunked",
    "gzip, chunked": POST + b"\r\ntransfer-encoding: gzip, chunked",
    "chunked, identity": POST + b"\r\ntransfer-encoding: chunked, identity",
    "identity": POST + b"\r\ntransfer-encoding: identity",
    "coding in capitals": POST + b"\r\ntransfer-encoding: Chunked",
    "vertical tab in coding": POST + b"\r\ntransfer-encoding: \x0bchunked",
    "coding with a parameter": POST + b"\r\ntransfer-encoding: chunked;a=b",
    "empty coding": POST + b"\r\ntransfer-encoding:",
    "coding in HTTP/1.0": b"POST / HTTP/1.0\r\ntransfer-encoding: chunked",
    "underscored coding": POST + b"\r\ntransfer_encoding: chunked",
    "underscored identity": GET + b"\r\nx_caracal_principal: root",
    "underscored forwarding": GET + b"\r\nX_Forwarded_For: 10.0.0.1",
    "two authorizations": GET + b"\r\nauthorization: a\r\nAuthorization: b",
    "two keys": GET + b"\r\nx-api-key: a\r\nx-api-key: b",
    "two nonces": GET + b"\r\nx-caracal-nonce: a\r\nx-caracal-nonce: b",
    "two content types": GET + b"\r\ncontent-type: a\r\ncontent-type: b",
    "no version": b"GET /\r\nhost: a",
    "HTTP/0.9": b"GET / HTTP/0.9\r\nhost: a",
    "HTTP/1.2": b"GET / HTTP/1.2\r\nhost: a",
    "HTTP/2": b"PRI * HTTP/2.0",
    "long version": b"GET / HTTP/1.10\r\nhost: a",
    "small version": b"GET / http/1.1\r\nhost: a",
    "other protocol": b"GET / ICE/1.0\r\nhost: a",
    "small method": b"get / HTTP/1.1\r\nhost: a",
    "method with a colon": b"GET: / HTTP/1.1\r\nhost: a",
    "long method": b"A" * 33 + b" / HTTP/1.1\r\nhost: a",
    "no method": b" / HTTP/1.1\r\nhost: a",
    "two spaces": b"GET  / HTTP/1.1\r\nhost: a",
    "tab for space": b"GET\t/ HTTP/1.1\r\nhost: a",
    "space in the target": b"GET /a b HTTP/1.1\r\nhost: a",
    "space at the end": b"GET / HTTP/1.1 \r\nhost: a",
    "CONNECT": b"CONNECT a:443 HTTP/1.1\r\nhost: a:443",
    "TRACE": b"TRACE / HTTP/1.1\r\nhost: a",
    "absolute target, other host": b"GET http://b/ HTTP/1.1\r\nhost: a",
    "nothing": b"",
    "PROXY": b"PROXY TCP4 192.168.0.1 192.168.0.11 56324 443",
}


@pytest.mark.parametrize("reason", REFUSED)
def test_a_head_with_two_readings_is_refused(reason):
    with pytest.raises(BadRequest) as refusal:
        parse_head(REFUSED[reason], LIMITS)
    assert refusal.value.status == 400
    assert "root" not in refusal.value.detail


def test_a_plain_head_is_read():
    head = parse_head(
        b"POST /a/b?c=d HTTP/1.1\r\nHost: a.example:8443\r\nX-One: \t 1 \t\r\n"
        b"Cookie: a\r\nCOOKIE: b\r\nEmpty:\r\nText: caf\xc3\xa9\r\nContent-Length: 003",
        LIMITS,
    )
    assert (head.method, head.path, head.query) == ("POST", "/a/b", "c=d")
    assert list(head.headers) == [
        ("host", "a.example:8443"),
        ("x-one", "1"),
        ("cookie", "a"),
        ("cookie", "b"),
        ("empty", ""),
        ("text", "caf\xc3\xa9"),
        ("content-length", "003"),
    ]
    assert head.length == 3
    assert head.keep_alive
    assert not head.old
    assert not head.expects_continue


@pytest.mark.parametrize("host", ["a", "a.b:1", "127.0.0.1:8443", "[::1]:80", "under_score.local"])
def test_a_host_is_taken(host):
    head = parse_head(b"GET / HTTP/1.1\r\nhost: " + host.encode(), LIMITS)
    assert head.headers.get("host") == host


def test_the_body_is_none_of_a_length_or_chunked():
    assert parse_head(GET, LIMITS).length == 0
    assert parse_head(GET + b"\r\ncontent-length: 7", LIMITS).length == 7
    assert parse_head(GET + b"\r\nTransfer-Encoding: chunked", LIMITS).length is None


@pytest.mark.parametrize(
    ("fields", "stays"),
    [
        (b"", True),
        (b"\r\nconnection: keep-alive", True),
        (b"\r\nconnection: close", False),
        (b"\r\nconnection: Close", False),
        (b"\r\nconnection: authorization, CLOSE", False),
        (b"\r\nconnection: te\r\nconnection: close", False),
        (b"\r\nconnection: close\r\nconnection: te", False),
    ],
)
def test_the_connection_field_says_whether_the_connection_stays(fields, stays):
    assert parse_head(GET + fields, LIMITS).keep_alive is stays


def test_fields_that_the_connection_field_names_are_kept_for_authentication():
    named = b"\r\nconnection: authorization, x-caracal-nonce"
    raw = GET + named + b"\r\nauthorization: b\r\nx-caracal-nonce: n"
    headers = parse_head(raw, LIMITS).headers
    assert headers.get("authorization") == "b"
    assert headers.get("x-caracal-nonce") == "n"


def test_http_1_0_needs_no_host_and_ends_its_connection():
    head = parse_head(b"GET / HTTP/1.0\r\nconnection: keep-alive\r\nexpect: 100-continue", LIMITS)
    assert head.old
    assert not head.keep_alive
    assert not head.expects_continue


@pytest.mark.parametrize("value", [b"websocket", b"h2c", b"", b"TLS/1.0"])
def test_an_upgrade_is_refused(value):
    with pytest.raises(UpgradeRefused):
        parse_head(GET + b"\r\nconnection: upgrade\r\nupgrade: " + value, LIMITS)


def test_only_100_continue_can_be_expected():
    raw = POST + b"\r\ncontent-length: 1\r\nexpect: "
    assert parse_head(raw + b"100-Continue", LIMITS).expects_continue
    with pytest.raises(ExpectationFailed) as refusal:
        parse_head(raw + b"200-maybe", LIMITS)
    assert refusal.value.status == 417


def test_fields_are_counted():
    raw = b"GET / HTTP/1.1\r\nhost: a" + b"\r\na: b" * 99
    assert len(parse_head(raw, LIMITS).headers) == 100
    with pytest.raises(HeadTooLarge) as refusal:
        parse_head(raw + b"\r\na: b", LIMITS)
    assert refusal.value.status == 431


def test_remembering_names_has_a_limit():
    """Names that nobody uses twice push out the others, and harm nobody."""
    for number in range(3000):
        parse_head(GET + b"\r\nx-%d: a" % number, LIMITS)
        assert len(strict_head._NAMES) <= strict_head._NAMES_MOST
    assert parse_head(GET + b"\r\nX-Once-More: a", LIMITS).headers.get("x-once-more") == "a"


TOKENS = st.from_regex(re.compile(r"[!#$%&'*+.^`|~0-9A-Za-z-]{1,20}", re.ASCII), fullmatch=True)
VALUES = st.text([chr(code) for code in [9, *range(32, 127), *range(128, 256)]], max_size=30)
OURS = {"host", "connection", "upgrade", "expect", "transfer-encoding", "content-length"}


@given(st.lists(st.tuples(TOKENS, VALUES), max_size=20))
def test_well_formed_fields_come_out_as_they_went_in(fields):
    named = {name.lower(): (name, value) for name, value in fields if name.lower() not in OURS}
    lines = [f"\r\n{name}:{value}".encode("latin-1") for name, value in named.values()]
    head = parse_head(GET + b"".join(lines), LIMITS)
    assert list(head.headers)[1:] == [(n, v.strip(" \t")) for n, (_, v) in named.items()]


PIECES = (
    *(b"GET / HTTP/1.1", b"\r\n", b"\n", b"\r", b":", b" ", b"\t", b"\x00", b"\xff", b"a"),
    *(b"host: a", b"content-length: 1", b"transfer-encoding: chunked", b"/", b"connection: "),
)


@given(st.one_of(st.binary(), st.lists(st.sampled_from(PIECES)).map(b"".join)))
def test_random_bytes_are_read_or_refused(raw):
    try:
        head = parse_head(raw, LIMITS)
    except Answered:
        return
    assert "\n" not in "".join(value for _, value in head.headers)
