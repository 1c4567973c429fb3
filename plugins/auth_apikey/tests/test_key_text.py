"""A key has one form: what is generated is parsed, and what differs by one character is not."""

import re
from base64 import b32encode
from hashlib import sha256
from itertools import pairwise

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from caracal_auth_apikey.key_text import LENGTH, ApiKey, generate, is_id, parse
from caracal_core.domain import HashKey

ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"


def checksum(body):
    """Work out the checksum by other means."""
    return b32encode(sha256(body.encode()).digest()[:5]).decode().lower()


def test_a_key_is_what_scanners_look_for():
    """The expression is documented; a key in a repository is found by it."""
    assert re.fullmatch(r"ck_[a-z2-7]{16}_[a-z2-7]{60}", generate().text)
    assert len(generate().text) == LENGTH


def test_what_is_generated_is_parsed():
    for _ in range(1000):
        key = generate()
        assert parse(key.text) == key
        assert key.text.startswith(f"ck_{key.id}_")


def test_no_two_keys_are_alike():
    """Neither their ids nor their secrets; each character of a secret takes every value."""
    keys = [generate() for _ in range(2000)]
    assert len({key.id for key in keys}) == len(keys)
    secrets = [key.text[20:72] for key in keys]
    assert len(set(secrets)) == len(keys)
    assert all({secret[place] for secret in secrets} == set(ALPHABET) for place in range(52))


def test_one_key_is_known_for_ever():
    """The checksum is the first 40 bits of SHA-256, whatever later versions do."""
    body = "ck_" + "a" * 16 + "_" + "b" * 52
    text = body + checksum(body)
    assert parse(text) == ApiKey("a" * 16, text)


@given(st.integers(0, LENGTH - 1), st.characters())
def test_another_character_anywhere_makes_it_none(place, character):
    text = generate().text
    mutant = text[:place] + character + text[place + 1 :]
    assert (parse(mutant) is None) == (mutant != text)


@pytest.mark.parametrize(
    "change",
    [
        lambda text: "",
        lambda text: text[:-1],
        lambda text: text + "a",
        lambda text: text + " ",
        lambda text: text + "\n",
        lambda text: " " + text[:-1],
        str.upper,
        str.title,
        lambda text: text.replace("_", "-"),
        lambda text: text[:20] + text[:19:-1],
        lambda text: text * 200,
        lambda text: "ck_" + "a" * (LENGTH - 3),
        lambda text: "\N{FULLWIDTH LATIN SMALL LETTER C}" + text[1:],
    ],
)
def test_nothing_is_mended(change):
    assert parse(change(generate().text)) is None


@pytest.mark.parametrize("length", [51, 53, 520])
def test_another_length_is_none_though_its_checksum_is_right(length):
    body = "ck_" + "a" * 16 + "_" + "b" * length
    assert parse(body + checksum(body)) is None


def test_two_characters_that_changed_places_are_noticed():
    text = generate().text
    swapped = [
        text[:n] + b + a + text[n + 2 :] for n, (a, b) in enumerate(pairwise(text)) if a != b
    ]
    assert swapped
    assert not [mutant for mutant in swapped if parse(mutant)]


def test_it_is_hashed_by_the_key_that_is_given():
    key, one, other = generate(), HashKey(bytes(32)), HashKey(b"1" * 32)
    assert re.fullmatch("[0-9a-f]{64}", key.hashed(one))
    assert len({key.hashed(one), key.hashed(other), generate().hashed(one)}) == 3
    assert key.hashed(one) == one.digest("api key", key.text.encode()).hex()


@pytest.mark.parametrize("shown", [repr, str, "{}".format, lambda key: repr([key])])
def test_its_secret_is_never_shown(shown):
    key = generate()
    assert key.id in shown(key)
    assert key.text[20:] not in shown(key)


def test_it_never_changes():
    with pytest.raises(AttributeError):
        generate().text = "x"
    assert isinstance(generate(), msgspec.Struct)


@pytest.mark.parametrize(
    ("text", "answer"),
    [("a" * 16, True), ("a" * 15, False), ("A" * 16, False), ("a" * 17, False), ("1" * 16, False)],
)
def test_an_id_has_a_form_too(text, answer):
    assert is_id(text) is answer
    assert ApiKey("a" * 16, "x").id == "a" * 16
