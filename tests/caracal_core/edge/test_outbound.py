"""Answers are worded once, here; nothing that came from elsewhere can end a line of a head."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caracal_core import errors
from caracal_core.domain import Headers, Money, Reply
from caracal_core.edge.outbound import own_answer, problem, reply_head
from caracal_core.testing.fakes.script import stream

ID = "0123456789abcdef" * 2

ERRORS = [
    errors.BadRequest(),
    errors.Unauthenticated("why", challenges=['Bearer realm="caracal"', "mTLS"]),
    errors.NonceMissing(),
    errors.TimestampOutOfWindow(),
    errors.BudgetExceeded(Money(250_000, "USD"), "team", "day", Money(0, "USD")),
    errors.Denied("secret reason"),
    errors.NoRoute(),
    errors.MethodNotAllowed(["GET", "POST"]),
    errors.RequestTimeout(),
    errors.Replayed(),
    errors.PayloadTooLarge(),
    errors.UpgradeRefused(),
    errors.Failure("auth_jwt authenticator", "secret cause"),
    errors.UpstreamUnreachable("upstream a", "secret cause"),
    errors.UpstreamTimeout("upstream a", "secret cause"),
]


def split(raw):
    """Return status line, fields and body of one answer."""
    head, _, body = raw.partition(b"\r\n\r\n")
    status_line, *lines = head.decode("latin-1").split("\r\n")
    return status_line, [tuple(line.split(": ", 1)) for line in lines], body


def head_of(*fields, status=200, framing=""):
    return reply_head(Reply(status, Headers(fields), stream([])), ID, framing)


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_an_error_becomes_problem_details(error):
    status_line, fields, body = split(problem(error, ID, "connection: close\r\n"))
    named = dict(fields)
    document = json.loads(body)
    assert status_line.startswith(f"HTTP/1.1 {error.status} ")
    assert named["content-type"] == "application/problem+json"
    assert named["x-request-id"] == document["instance"] == ID
    assert named["content-length"] == str(len(body))
    assert named["cache-control"] == "no-store"
    assert named["connection"].endswith("close")
    assert document["type"] == "about:blank"
    assert document["title"] == status_line.split(" ", 2)[2]
    assert (document["status"], document["code"]) == (error.status, error.code)
    assert document["detail"] == document["message"] != ""
    assert "secret" not in body.decode()


def test_a_short_budget_says_what_is_left_and_what_was_needed():
    error = errors.BudgetExceeded(Money(250_000, "USD"), "agent", "day", Money(0, "USD"))
    _, fields, body = split(problem(error, ID, ""))
    document = json.loads(body)
    assert (document["needed"], document["available"]) == ("0.25", "0")
    assert document.items() >= {"currency": "USD", "account": "agent", "window": "day"}.items()
    assert ("x-should-retry", "false") in fields


def test_every_challenge_stands_in_its_own_field():
    error = errors.Unauthenticated(challenges=["Bearer", "Key"])
    _, fields, _ = split(problem(error, ID, ""))
    assert [v for n, v in fields if n == "www-authenticate"] == ["Bearer", "Key"]


def test_an_upgrade_is_answered_with_what_is_spoken_here():
    """RFC 9110 section 7.8: the Upgrade field comes with its connection option."""
    _, fields, _ = split(problem(errors.UpgradeRefused(), ID, "connection: close\r\n"))
    assert ("upgrade", "HTTP/1.1") in fields
    assert ("connection", "upgrade") in fields


def test_to_head_a_problem_is_its_head_alone():
    _, fields, body = split(problem(errors.NoRoute(), ID, "", with_body=False))
    assert not body
    assert int(dict(fields)["content-length"]) > 0


class Forged(errors.Refusal):
    """A plugin's error with more in it than it should have."""

    status, code, detail = 403, "forged", "Forged."

    def __init__(self, *fields):
        super().__init__()
        self.fields = fields

    def headers(self):
        return self.fields


def test_an_error_of_a_plugin_brings_no_framing():
    error = Forged(("content-length", "0"), ("transfer-encoding", "chunked"), ("x-a", "b"))
    _, fields, body = split(problem(error, ID, ""))
    assert [v for n, v in fields if n == "content-length"] == [str(len(body))]
    assert "transfer-encoding" not in dict(fields)
    assert dict(fields)["x-a"] == "b"


def test_an_error_of_a_plugin_cannot_end_a_line():
    with pytest.raises(ValueError, match="malformed"):
        problem(Forged(("x-a", "b\r\nset-cookie: c")), ID, "")


@pytest.mark.parametrize("status", [100, 200, 302, 600, 0])
def test_only_an_error_status_is_worded_as_a_problem(status):
    error = Forged()
    error.status = status
    with pytest.raises(ValueError, match="status"):
        problem(error, ID, "")


def test_a_reply_keeps_its_fields_in_their_order():
    fields = [("set-cookie", "a=1"), ("x-one", "1"), ("set-cookie", "b=2, c"), ("vary", "")]
    status_line, told, _ = split(head_of(*fields))
    assert status_line == "HTTP/1.1 200 OK"
    assert told[:4] == fields
    assert ("x-request-id", ID) in told


@pytest.mark.parametrize(
    "name",
    [
        *("connection", "keep-alive", "proxy-connection", "te", "trailer", "upgrade"),
        *("content-length", "transfer-encoding", "x-request-id"),
    ],
)
def test_framing_of_the_upstream_is_dropped(name):
    _, told, _ = split(head_of((name, "from-upstream"), framing="content-length: 3\r\n"))
    assert "from-upstream" not in dict(told).values()
    assert dict(told)["content-length"] == "3"


def test_the_date_is_added_where_there_is_none():
    _, told, _ = split(head_of())
    assert re.fullmatch(r"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT", dict(told)["date"])
    _, told, _ = split(head_of(("date", "theirs")))
    assert [value for name, value in told if name == "date"] == ["theirs"]


@pytest.mark.parametrize(
    "junk", ["\r\n", "\n", "\r", "\x00", "\x0b", "\x7f", "\u0100", "\r\nset-cookie: a"]
)
def test_a_value_that_could_be_read_as_two_is_refused(junk):
    """Also at the end of a value, and also where the second line would be well-formed."""
    with pytest.raises(errors.UpstreamUnreachable):
        head_of(("x-a", f"b{junk}c"))
    with pytest.raises(errors.UpstreamUnreachable):
        head_of(("x-a", f"b{junk}"), ("x-b", "c"))


@pytest.mark.parametrize("name", ["", "a b", "a:b", "a\r\nb", "a\x80", "a\n", "Content-Length"])
def test_a_name_that_is_none_is_refused(name):
    with pytest.raises(errors.UpstreamUnreachable):
        head_of((name, "b"))


@pytest.mark.parametrize("status", [0, 99, 100, 101, 199, 600, 999])
def test_a_status_that_ends_no_request_is_refused(status):
    with pytest.raises(errors.UpstreamUnreachable):
        head_of(status=status)


def test_an_unknown_status_has_no_phrase():
    assert split(head_of(status=299))[0] == "HTTP/1.1 299 "


def test_a_word_of_our_own_is_worded():
    status_line, told, body = split(own_answer(200, [("a", "b")], b"ok", ID, ""))
    assert (status_line, body) == ("HTTP/1.1 200 OK", b"ok")
    assert told[0] == ("a", "b")


TEXT = st.text(st.characters(codec="latin-1"), max_size=8)


@given(st.lists(st.tuples(TEXT, TEXT), max_size=4))
def test_a_reply_has_exactly_the_fields_it_had_or_is_refused(fields):
    try:
        _, told, body = split(head_of(*fields))
    except errors.UpstreamUnreachable:
        return
    assert not body
    kept = [field for field in told if field[0] not in ("date", "x-request-id")]
    assert len(kept) == len([name for name, _ in fields if name not in ("date", "x-request-id")])
