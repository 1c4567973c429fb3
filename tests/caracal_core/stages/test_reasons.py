"""A reason is one short line that can be printed, says what is known, and holds no secret."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caracal_core.domain import Headers
from caracal_core.errors import BadRequest, Denied, Failure, Unauthenticated, UpstreamTimeout
from caracal_core.stages.reasons import CLIENT_GONE, REASON_MAX, UNTOLD, WITHHELD, Reasons

TOKEN = "t0ken.of-anna"
REASONS = Reasons(lambda text: text.replace("kn0wn", "***"), frozenset({"x-their-token"}))


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (None, None),
        (Unauthenticated("it has expired"), "it has expired"),
        (Unauthenticated(), Unauthenticated.detail),
        (Denied("policy a says deny", policy="a"), "policy a says deny"),
        (BadRequest("It is malformed."), "It is malformed."),
        (Failure("a policy", "raised KeyError"), "raised KeyError"),
        (UpstreamTimeout("upstream u", "took longer than 1 s"), "took longer than 1 s"),
        (asyncio.CancelledError(), CLIENT_GONE),
        (KeyError("a secret"), "raised KeyError"),
        (SystemExit("a secret"), "raised SystemExit"),
    ],
)
def test_what_ended_an_exchange_is_worded(error, reason):
    assert REASONS.word(error, Headers()) == reason


class _Unsayable(Unauthenticated):
    """A plugin's own, whose reason breaks."""

    @property
    def reason(self):
        raise SystemExit("a secret")


class _Wayward(str):
    """A text that breaks once it is looked at."""

    __slots__ = ()

    def __getitem__(self, key):
        raise ValueError("a secret")


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (Unauthenticated(ValueError("a secret")), "raised Unauthenticated"),
        (Denied(b"a secret"), "raised Denied"),
        (Denied(["a secret"]), "raised Denied"),
        (BadRequest(ValueError("a secret")), "raised BadRequest"),
        (Failure("x", KeyError("a secret")), "raised Failure"),
        (Failure("x", 7), "raised Failure"),
        (_Unsayable(), "raised _Unsayable"),
        (Denied(_Wayward("no")), "raised Denied"),
    ],
)
def test_only_text_is_a_reason_and_whatever_it_is_something_is_said(error, reason):
    assert REASONS.word(error, Headers([("x-their-token", TOKEN)])) == reason


@given(st.text(alphabet=st.characters(), max_size=600))
def test_any_text_becomes_one_short_line(text):
    reason = REASONS.word(Denied(text))
    assert reason.isprintable()
    assert len(reason) <= REASON_MAX
    reason.encode()


def test_what_would_not_print_is_escaped():
    reason = REASONS.word(Denied('a\r\n{"event":"forged"}\x1b[2J\x00\u2028\udc80 \u00e9'))
    assert reason == r'a\r\n{"event":"forged"}\x1b[2J\x00\u2028\udc80 ' + "\u00e9"


def test_a_long_one_is_cut_and_shows_it():
    assert REASONS.word(Denied("x" * REASON_MAX)) == "x" * REASON_MAX
    assert REASONS.word(Denied("x" * 10**6)) == "x" * (REASON_MAX - 3) + "..."


@pytest.mark.parametrize("name", ["x-their-token", "x_their_token"])
@pytest.mark.parametrize("value", [TOKEN, f"Bearer {TOKEN}"])
def test_one_that_quotes_the_credential_is_withheld(name, value):
    headers = Headers([("accept", "*/*"), (name, value)])
    assert REASONS.word(Denied(f"unknown: {TOKEN}!"), headers) == WITHHELD
    assert REASONS.word(Denied("unknown"), headers) == "unknown"


SECRET = "Ak9$sup3rSecret"


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (f'"{SECRET}"', SECRET),
        (f"key={SECRET},v=1", SECRET),
        (f"v=1;key:{SECRET}", SECRET),
        (f'Acme id="a", key="{SECRET}"', SECRET),
        (f"Bearer {SECRET}", SECRET.upper()),
        (f"Bearer {SECRET.upper()}", SECRET),
        ("a=b:c,d;e", "a=b:c,d;e"),
        ("Basic YW5uYS0wMDE6aHVudGVyMi1zZWNyZXQ=", "hunter2-secret"),
        ("basic  YW5uYS0wMDE6aHVudGVyMi1zZWNyZXQ", "hunter2-secret"),
        ("Basic YW5uYS0wMDE6aHVudGVyMi1zZWNyZXQ=", "anna-001"),
        ("Basic YW5uYS0wMDE6aHVudGVyIDo9Mg==", "hunter :=2"),
    ],
)
def test_so_is_one_that_quotes_a_part_of_it_in_any_case(value, said):
    headers = Headers([("x-their-token", value)])
    assert REASONS.word(Denied(f"unknown: {said}!"), headers) == WITHHELD
    assert REASONS.word(Denied("unknown"), headers) == "unknown"


def test_one_of_very_many_words_is_not_looked_for_and_nothing_is_told():
    words = [f"word-{number:03}" for number in range(101)]
    assert REASONS.word(Denied("no"), Headers([("x-their-token", ",".join(words))])) == UNTOLD
    fewer = Headers([("x-their-token", " ".join(words[1:] * 2))])
    assert REASONS.word(Denied("no"), fewer) == "no"


@given(st.binary(max_size=40))
def test_whatever_stands_behind_basic_the_reason_is_told(rest):
    headers = Headers([("x-their-token", f"Basic {rest.decode('latin-1')}")])
    assert REASONS.word(Denied("no"), headers) == "no"


def test_the_words_of_other_fields_and_short_ones_are_no_credential():
    headers = Headers([("user-agent", "expired-agent/1"), ("x-their-token", "Bearer a")])
    assert REASONS.word(Denied("Bearer of expired-agent/1"), headers) == "Bearer of expired-agent/1"


def test_what_the_house_knows_for_a_secret_is_masked():
    assert REASONS.word(Failure("a", "cannot log in with kn0wn")) == "cannot log in with ***"
    assert "kn0" not in REASONS.word(Denied("x" * (REASON_MAX - 5) + "kn0wn"))


def test_so_it_is_in_a_word_of_the_clients():
    assert REASONS.hide("/models/kn0wn/x") == "/models/***/x"
