"""Keyed hashes: the same for the same key, purpose and data, and for nothing else."""

from hashlib import blake2b

import pytest

from caracal_core.domain import HashKey

SECRET = bytes(range(32))


def test_a_hash_is_keyed_blake2b_of_32_bytes():
    """Anybody with the secret can make it, whatever they write programs in."""
    expected = blake2b(b"data", digest_size=32, key=SECRET, person=b"a purpose").digest()
    assert HashKey(SECRET).digest("a purpose", b"data") == expected


def test_key_purpose_and_data_each_make_it_another_hash():
    key, other = HashKey(SECRET), HashKey(bytes(32))
    hashes = {
        key.digest("a", b"data"),
        key.digest("b", b"data"),
        key.digest("a", b"date"),
        other.digest("a", b"data"),
    }
    assert len(hashes) == 4


def test_a_key_is_named_by_what_follows_from_its_secret():
    assert HashKey(SECRET).id == HashKey(SECRET).id != HashKey(bytes(32)).id
    assert len(HashKey(SECRET).id) == 8


@pytest.mark.parametrize("length", [0, 31, 65])
def test_a_secret_is_32_to_64_bytes_long(length):
    with pytest.raises(ValueError, match="32 to 64 bytes"):
        HashKey(bytes(length))


def test_a_purpose_is_short():
    with pytest.raises(ValueError, match="person"):
        HashKey(SECRET).digest("p" * 17, b"")


@pytest.mark.parametrize("shown", [repr, str, "{!r}".format])
def test_its_secret_is_never_shown(shown):
    key = HashKey(b"a secret of at least 32 bytes, really")
    assert shown(key) == f"HashKey({key.id})"
