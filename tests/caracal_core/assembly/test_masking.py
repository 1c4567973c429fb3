"""No secret passes: neither one that was read, nor one that looks like one."""

import sys

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from caracal_core.assembly.masking import _SHAPES, MASK, REMEMBERED_MAX, SHORTEST, Masking

TOKEN = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhIn0.c2lnbmF0dXJl"


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("Authorization: Bearer abcDEF123456", "Authorization: ***"),
        ("basic dXNlcjpwYXNz failed", "*** failed"),
        (f"token {TOKEN} is late", "token *** is late"),
        ("postgresql://caracal:hunter2@db:5432/x", "postgresql://***@db:5432/x"),
        ("a -----BEGIN EC PRIVATE KEY-----\nMHc\n-----END EC PRIVATE KEY----- b", "a *** b"),
        ("cut off -----BEGIN PRIVATE KEY-----\nMIGH", "cut off ***"),
        (f"key ck_{'a' * 16}_{'b2' * 30}, cut", f"key ck_{'a' * 16}_***, cut"),
        (f"cut off ck_{'a' * 16}_bcdef", f"cut off ck_{'a' * 16}_***"),
        (f"/v1/{TOKEN}", "/v1/***"),
        ("redis://:hunter2@db", "redis://***@db"),
        (f"/v1/ck_{'a' * 16}_{'b2' * 30}", f"/v1/ck_{'a' * 16}_***"),
        ("-----BEGIN PRIVATE KEY-----", "***"),
        ("consumer ck_5f2b8d9a3c1e4f6a", "consumer ck_5f2b8d9a3c1e4f6a"),
        ("basic authentication is a scheme", "basic authentication is a scheme"),
        ("see https://example.org/a@b", "see https://example.org/a@b"),
    ],
)
def test_what_looks_like_a_secret_is_masked_and_ordinary_words_are_not(text, masked):
    assert Masking().mask(text) == masked


PIECES = (
    *("bearer", "Basic", "abcDEF123456", "eyJ", "eyJhbGciOiJS.eyJ", "://", "a:b@c", "/", " "),
    *("ck_", "b2" * 8, "_bcdef", "-----BEGIN ", "-----BEGIN EC PRIVATE KEY-----", "\u2003"),
)


@given(st.lists(st.sampled_from(PIECES) | st.text(max_size=3), max_size=8).map("".join))
def test_no_shape_is_ruled_out_that_is_there(text):
    assert Masking().mask(text) == _SHAPES.sub(MASK, text)


def test_whatever_is_white_space_may_stand_before_a_credential():
    spaces = [each for each in map(chr, range(sys.maxunicode + 1)) if each.isspace()]
    for space in spaces:
        assert Masking().mask(f"bearer{space}abcDEF123456") == "***"


@given(st.text(min_size=SHORTEST), st.text(), st.text())
def test_a_secret_that_was_read_appears_nowhere(secret, before, after):
    assume("*" not in secret)
    masking = Masking()
    masking.remember(secret)
    assert secret not in masking.mask(f"{before}{secret}{after}")


def test_short_and_countless_secrets_do_not_make_logs_unreadable_or_slow():
    masking = Masking()
    masking.remember("a")
    for number in range(REMEMBERED_MAX + 10):
        masking.remember(f"secret-{number:05}")
    assert masking.mask("a cat, secret-00009, secret-00010") == "a cat, secret-00009, ***"


def test_those_that_were_read_last_stay():
    """What a rotation has replaced is forgotten first; what is read again and again never."""
    masking = Masking()
    for number in range(REMEMBERED_MAX + 10):
        if number in {0, REMEMBERED_MAX - 10}:
            masking.remember("in-use")
        masking.remember(f"secret-{number:05}")
    assert masking.mask("in-use secret-01009") == "*** ***"


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "piece",
    [
        "eyJ-",
        "bearer ",
        "://",
        "-----BEGIN PRIVATE KEY-----",
        "eyJaaaaaaaaa.",
        "ck_aaaaaaaaaaaaaaaa_",
        "ck_aaaaaaaaaaaaaaaa",
    ],
)
def test_hostile_text_takes_no_quadratic_time(piece):
    """Where each piece made the rest be searched again, this would take hours."""
    Masking().mask(piece * (400_000 // len(piece)))
