"""A shared secret is long, random, and good for HS256 alone (RFC 7518 section 3.2)."""

import hashlib
import hmac
import secrets

import pytest

from caracal_auth_jwt.keys import Unfit
from caracal_auth_jwt.secret import load

SECRET = secrets.token_hex(32).encode()


def test_it_verifies_its_own_signatures_and_no_other():
    key = load(SECRET)
    good = hmac.digest(SECRET, b"a.b", "sha256")
    assert key.algorithm == "HS256"
    assert key.verifies(b"a.b", good)
    for bad in (b"", good[:-1], good + b"\0", hmac.digest(SECRET, b"a.c", "sha256")):
        assert not key.verifies(b"a.b", bad)
    assert not key.verifies(b"a.b", hmac.digest(SECRET, b"a.b", hashlib.sha512))


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b""])
def test_one_newline_at_its_end_is_the_editors(end):
    assert load(SECRET + end).verifies(b"a.b", hmac.digest(SECRET, b"a.b", "sha256"))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\n",
        b"s" * 31,
        hashlib.sha256(b"short").digest()[:24] + b"\n",
        b"a" * 64,
        b"0123456" * 10,
    ],
)
def test_a_secret_that_can_be_guessed_is_unfit(content):
    with pytest.raises(Unfit, match="can be guessed"):
        load(content)


def test_a_public_key_is_no_secret(make_key):
    """Case 17 from the other side: what everybody has must never be put there."""
    for pem in (make_key("RSA").as_pem(private=False), make_key("RSA").as_pem(private=True)):
        with pytest.raises(Unfit, match="PEM"):
            load(pem)


def test_a_monstrous_file_is_unfit():
    with pytest.raises(Unfit, match="64 KiB"):
        load(b"0123456789" * 7000)


def test_it_is_not_shown():
    assert SECRET.decode() not in repr(load(SECRET))
