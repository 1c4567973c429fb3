"""The ring follows its file; a broken file is told once and changes nothing."""

import logging

import pytest

from caracal_auth_apikey.hash_keys import KeyRing
from caracal_core.domain import HashKey
from caracal_core.errors import Failure, Misconfigured
from caracal_core.testing.fakes import FakeHashKeys

LOG = logging.getLogger("caracal.test")
ONE, OTHER = HashKey(b"1" * 32), HashKey(b"2" * 32)


async def test_the_first_makes_hashes_and_all_are_known():
    ring = KeyRing()
    assert await ring.read(FakeHashKeys(ONE, OTHER)) is True
    assert ring.first is ONE
    assert (ring.get(ONE.id), ring.get(OTHER.id), ring.get("none")) == (ONE, OTHER, None)


async def test_another_order_is_a_change():
    ring = KeyRing()
    await ring.read(FakeHashKeys(ONE, OTHER))
    assert await ring.read(FakeHashKeys(ONE, OTHER)) is False
    assert await ring.read(FakeHashKeys(OTHER, ONE)) is True
    assert ring.first is OTHER


async def test_before_it_was_read_nothing_is_proved():
    with pytest.raises(Failure):
        _ = KeyRing().first


async def test_without_keys_it_does_not_open():
    keys = FakeHashKeys()
    keys.keys = ()
    with pytest.raises(Misconfigured):
        await KeyRing().read(keys)


async def test_a_changed_file_is_taken_up_and_told(caplog):
    ring, keys = KeyRing(), FakeHashKeys(ONE)
    await ring.read(keys)
    keys.keys = (OTHER, ONE)
    with caplog.at_level(logging.INFO):
        await ring.look(keys, LOG)
        await ring.look(keys, LOG)
    assert ring.first is OTHER
    (told,) = caplog.messages
    assert f"{OTHER.id}, {ONE.id}" in told


async def test_a_broken_file_leaves_the_last_good_keys_and_is_told_once(caplog):
    ring, keys = KeyRing(), FakeHashKeys(ONE)
    await ring.read(keys)
    keys.keys = ()
    for _ in range(3):
        await ring.look(keys, LOG)
    assert (ring.first, ring.broken) == (ONE, True)
    assert len(caplog.messages) == 1
    keys.keys = (ONE,)
    await ring.look(keys, LOG)
    assert not ring.broken


async def test_whatever_reading_raises_it_goes_on(caplog):
    class Broken:
        def read(self):
            raise OSError("a message that nobody needs to see")

    ring = KeyRing()
    await ring.read(FakeHashKeys(ONE))
    await ring.look(Broken(), LOG)
    assert (ring.first, ring.broken) == (ONE, True)
    assert "OSError" in caplog.text
    assert "nobody" not in caplog.text
