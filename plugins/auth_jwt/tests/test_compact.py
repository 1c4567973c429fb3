"""A token has one spelling: three parts of canonical base64url and a strict header."""

from base64 import urlsafe_b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caracal_auth_jwt.compact import parse
from caracal_core.errors import Unauthenticated

HEADER = urlsafe_b64encode(b'{"alg":"RS256"}').rstrip(b"=").decode()
MOST = 8192


def encoded(data):
    return urlsafe_b64encode(data).rstrip(b"=").decode()


@given(st.binary(max_size=300), st.binary(max_size=300))
def test_what_was_encoded_by_the_rules_comes_out_again(payload, signature):
    """Every payload and signature can be carried; the signing input is the text as it came."""
    parts = (HEADER, encoded(payload), encoded(signature))
    compact = parse(".".join(parts), MOST)
    assert compact.header == {"alg": "RS256"}
    assert (compact.payload, compact.signature) == (payload, signature)
    assert compact.signing_input == f"{parts[0]}.{parts[1]}".encode()


@given(st.text(max_size=12) | st.text("AQgwYZ019-_=+/ ", max_size=12))
def test_of_all_spellings_of_the_same_bytes_one_is_accepted(text):
    """A part is accepted exactly if encoding its bytes gives the same part again."""
    try:
        compact = parse(f"{HEADER}.{text}.{text}", MOST)
    except Unauthenticated:
        return
    assert encoded(compact.payload) == encoded(compact.signature) == text


@pytest.mark.parametrize(
    "part", ["YQ==", "YQ=", "YR", "YWF", "Y", "YW Fh", "YWFh\n", "YW+h", "YW/h"]
)
@pytest.mark.parametrize("place", [0, 1, 2])
def test_padding_loose_bits_and_foreign_characters_are_refused(part, place):
    """The re-encoded twin of a token is no token."""
    parts = [HEADER, "e30", "YWFh"]
    parts[place] = part
    with pytest.raises(Unauthenticated) as caught:
        parse(".".join(parts), MOST)
    assert caught.value.internal == "a part of the token is not base64url"


@pytest.mark.parametrize(
    "token",
    [
        "",
        ".",
        "..",
        "...",
        HEADER,
        f"{HEADER}.e30",
        f"{HEADER}.e30.YWFh.",
        f".{HEADER}.e30.YWFh",
        f"{HEADER}.e30.YWFh.YWFh.YWFh",
        '{"payload":"e30"}',
        f"{HEADER}.e30.YWFh.{HEADER}.e30.YWFh",
    ],
)
def test_another_number_of_parts_is_refused(token):
    """Neither detached, nor encrypted, nor JSON-serialised tokens are taken."""
    with pytest.raises(Unauthenticated):
        parse(token, MOST)


@pytest.mark.parametrize(
    "token", [f"{HEADER}.e30.YWF\xe9", f"{HEADER}.e30.\u0661", "\ud800.e30.YQ"]
)
def test_what_is_not_ascii_is_refused(token):
    """Digits and letters of other scripts are no base64url."""
    with pytest.raises(Unauthenticated) as caught:
        parse(token, MOST)
    assert caught.value.internal == "the token holds a character that is not ASCII"


def test_the_longest_token_passes_and_a_longer_one_is_not_looked_at():
    """The limit counts the whole token."""
    payload = encoded(b"a" * 3000)
    token = f"{HEADER}.{payload}.YWFh"
    assert parse(token, len(token)).payload == b"a" * 3000
    with pytest.raises(Unauthenticated) as caught:
        parse(token, len(token) - 1)
    assert caught.value.internal == "the token is longer than max_token_bytes"


@pytest.mark.parametrize("header", [b"", b"[]", b'"RS256"', b'{"alg":"none","alg":"RS256"}', b"{"])
def test_a_header_that_is_no_strict_object_is_refused(header):
    """Two readers must not see two algorithms."""
    with pytest.raises(Unauthenticated) as caught:
        parse(f"{encoded(header)}.e30.YWFh", MOST)
    assert caught.value.internal == "the token's header is not one strict JSON object"
