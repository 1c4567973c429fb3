"""Proved here: which of the client's fields an upstream gets, and that no field ends a line."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caracal_core.builtin.upstreams.request_head import RequestHead
from caracal_core.domain import Headers
from caracal_core.errors import BadRequest

HEAD = RequestHead("api.example", "/base", [("Authorization", "Bearer own"), ("api-key", "own")])


def lines(*fields: tuple[str, str], method="GET", target="/", length=0) -> list[str]:
    """Return the head's lines without the first, the host and the upstream's own."""
    head = HEAD.write(method, target, Headers(fields), length).decode("latin-1")
    assert head.endswith("\r\n\r\n")
    own = {"host: api.example", "Authorization: Bearer own", "api-key: own"}
    _, *others = head[:-4].split("\r\n")
    assert own <= set(others)
    return [line for line in others if line not in own]


def test_the_target_stands_byte_for_byte_behind_the_base():
    """The upstream reads the path and query that the policy judged."""
    head = HEAD.write("GET", "/a%20b/~c?x=%2F&y=%zz", Headers(), 0)
    assert head.startswith(b"GET /base/a%20b/~c?x=%2F&y=%zz HTTP/1.1\r\n")


@pytest.mark.parametrize(
    "name",
    [
        "accept",
        "content-type",
        "content-encoding",
        "user-agent",
        "idempotency-key",
        "traceparent",
        "openai-beta",
        "anthropic-version",
        "x-stainless-lang",
        "range",
        "if-none-match",
    ],
)
def test_what_is_meant_for_the_upstream_passes(name):
    """SDKs' own fields must arrive, or their APIs cannot be used through the gateway."""
    assert lines((name, "v")) == [f"{name}: v"]


@pytest.mark.parametrize(
    "name",
    [
        *("connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade", "expect"),
        *("http2-settings", "proxy-connection", "proxy-authorization", "host", "content-length"),
        *("authorization", "x-api-key", "cookie", "cookie2"),
        *("forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "true-client-ip"),
        *("x-caracal-nonce", "x-caracal-principal", "x-caracal-anything"),
        *("x-http-method-override", "x-original-url", "x-rewrite-url"),
        *("x_caracal_principal", "x_forwarded_for", "x-forwarded_for", "x_api_key"),
        *("x-caracal-principal\x80", "transfer-encoding\x0b", "a b", "a:b", "", "caf\xe9"),
        *("api_key", "api-key"),
    ],
)
def test_what_is_not_meant_for_the_upstream_stays_behind(name):
    """Framing, credentials, claimed origins, other targets, and names that are no names.

    Servers that read ``_`` as ``-`` would take the one for the other.
    """
    assert lines((name, "leaked")) == []


def test_fields_that_connection_names_stay_behind():
    """They were about the client's connection (RFC 9110 section 7.6.1)."""
    named = ("connection", "close, X-Named ,x_other"), ("connection", "third")
    fields = ("x-named", "1"), ("x-other", "2"), ("third", "3"), ("fourth", "4")
    assert lines(*named, *fields) == ["fourth: 4"]


def test_repeated_fields_stay_apart_and_in_order():
    """The gateway does not join what the client kept apart."""
    assert lines(("accept", "a"), ("x", "b"), ("accept", "c")) == [
        "accept: a",
        "x: b",
        "accept: c",
    ]


def test_octets_beyond_ascii_go_on_as_they_came():
    """They are opaque (RFC 9110 section 5.5)."""
    assert HEAD.write("GET", "/", Headers([("x", "caf\xe9")]), 0).count(b"x: caf\xe9\r\n") == 1


@pytest.mark.parametrize(
    ("method", "length", "framing"),
    [
        ("GET", 0, []),
        ("DELETE", 0, []),
        ("POST", 0, ["content-length: 0"]),
        ("POST", 12, ["content-length: 12"]),
        ("GET", 12, ["content-length: 12"]),
        ("POST", None, ["transfer-encoding: chunked"]),
    ],
)
def test_the_framing_is_the_gateways_own(method, length, framing):
    """Never both, never the client's."""
    theirs = ("content-length", "99"), ("transfer-encoding", "chunked")
    assert lines(*theirs, method=method, length=length) == framing


@pytest.mark.parametrize(
    "text", ["a\r\nx-caracal-principal: root", "a\rb", "a\nb", "a\0b", "\u0100"]
)
def test_a_value_cannot_end_its_line(text):
    """Whoever made the request, it is refused before anything is sent."""
    with pytest.raises(BadRequest):
        lines(("x", text))


@pytest.mark.parametrize(
    ("method", "target"),
    [("GET", "/a b"), ("GET", "/a\r\nb"), ("GET", "a"), ("GET", ""), ("G T", "/"), ("G\n", "/")],
)
def test_a_request_line_has_three_words(method, target):
    """Another space would make another request of it."""
    with pytest.raises(BadRequest):
        lines(method=method, target=target)


@given(st.lists(st.tuples(st.text(max_size=12), st.text(max_size=12)), max_size=5))
def test_no_field_makes_another_line(fields):
    """Any field is one line, is left out, or is refused."""
    try:
        written = lines(*((name.lower(), value) for name, value in fields))
    except BadRequest:
        return
    values = [f"{name.lower()}: {value}" for name, value in fields]
    assert all(line in values for line in written)


def test_long_names_are_judged_like_short_ones():
    """What is too long to remember is judged each time."""
    assert lines(("x-caracal-" + "x" * 100, "leaked"), ("y" * 100, "v")) == ["y" * 100 + ": v"]
