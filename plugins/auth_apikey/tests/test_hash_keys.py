"""The ring has what the file had when it was last good."""

import pytest

from caracal_auth_apikey.hash_keys import KeyRing, RingReader
from caracal_core.domain import HashKey
from caracal_core.errors import Failure, Misconfigured
from caracal_core.testing.fakes import FakeHashKeys

ONE, OTHER = HashKey(b"1" * 32), HashKey(b"2" * 32)


async def test_the_first_makes_hashes_and_all_are_known():
    ring = KeyRing()
    assert await RingReader(ring, FakeHashKeys(ONE, OTHER)).read() is True
    assert ring.first is ONE
    assert (ring.get(ONE.id), ring.get(OTHER.id), ring.get("none")) == (ONE, OTHER, None)


async def test_another_order_is_a_change_and_the_same_is_none():
    ring, keys = KeyRing(), FakeHashKeys(ONE, OTHER)
    reader = RingReader(ring, keys)
    await reader.read()
    assert await reader.read() is False
    keys.keys = (OTHER, ONE)
    assert await reader.read() is True
    assert ring.first is OTHER


async def test_a_key_that_was_removed_is_known_no_more():
    ring = KeyRing()
    ring.take((ONE, OTHER))
    ring.take((OTHER,))
    assert ring.get(ONE.id) is None


def test_before_it_was_read_nothing_is_proved():
    with pytest.raises(Failure):
        _ = KeyRing().first


async def test_a_broken_file_leaves_the_last_good_keys():
    ring, keys = KeyRing(), FakeHashKeys(ONE)
    reader = RingReader(ring, keys)
    await reader.read()
    keys.keys = ()
    with pytest.raises(Misconfigured):
        await reader.read()
    assert ring.first is ONE
