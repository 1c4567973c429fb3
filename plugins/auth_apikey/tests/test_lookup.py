"""What was asked lately is not asked again, never for longer than configured, never without end."""

import pytest

from caracal_auth_apikey.lookup import Found, Lookup
from caracal_auth_apikey.store import Record
from caracal_core.errors import Failure
from caracal_core.testing.fakes import FakeClock


@pytest.fixture
def lookup(desk):
    return Lookup(desk.database, desk.clock, 2.0, 20)


async def test_an_answer_is_believed_while_it_is_fresh(desk, lookup):
    key = await desk.issue()
    before = desk.database.asked
    first = await lookup.find(key.id)
    desk.clock.advance(1.99)
    assert await lookup.find(key.id) is first
    assert desk.database.asked == before + 1
    desk.clock.advance(0.01)
    assert await lookup.find(key.id) is not first
    assert desk.database.asked == before + 2


async def test_that_there_is_no_key_is_believed_as_long(desk, lookup):
    before = desk.database.asked
    for _ in range(3):
        assert (await lookup.find("a" * 16)).record is None
    desk.clock.advance(2)
    assert (await lookup.find("a" * 16)).record is None
    assert desk.database.asked == before + 2


async def test_nothing_is_believed_where_nothing_may_be(desk):
    lookup = Lookup(desk.database, desk.clock, 0.0, 20)
    key = await desk.issue()
    first = await lookup.find(key.id)
    assert await lookup.find(key.id) is not first


async def test_ids_that_were_made_up_crowd_out_no_key(desk, lookup):
    """They have a small place of their own."""
    key = await desk.issue()
    first = await lookup.find(key.id)
    for number in range(100):
        await lookup.find(f"{number:016d}")
    assert await lookup.find(key.id) is first
    assert len(lookup._recent._others) == 2


async def test_the_oldest_key_makes_room(desk, lookup):
    keys = [await desk.issue() for _ in range(21)]
    found = [await lookup.find(key.id) for key in keys]
    assert len(lookup._recent._good) == 20
    assert await lookup.find(keys[-1].id) is found[-1]
    assert await lookup.find(keys[0].id) is not found[0]


async def test_a_key_that_is_issued_later_takes_the_place_of_the_unknown(desk, lookup):
    key = await desk.issue()
    await desk.database.execute("UPDATE api_keys SET id = $1", "b" * 16)
    assert (await lookup.find(key.id)).record is None
    await desk.database.execute("UPDATE api_keys SET id = $1", key.id)
    desk.clock.advance(2)
    assert (await lookup.find(key.id)).record is not None
    assert not lookup._recent._others


async def test_a_failure_is_not_remembered(desk, lookup):
    key = await desk.issue()
    desk.database.down = Failure("test", "down")
    with pytest.raises(Failure):
        await lookup.find(key.id)
    desk.database.down = None
    assert (await lookup.find(key.id)).record is not None


def test_an_end_is_counted_from_before_the_question():
    """By seconds that nobody sets: a wrong wall clock moves no end."""
    clock = FakeClock()
    found = Found(_record(ends_in=5.0), clock.monotonic())
    clock.set(clock.now() + 1e9)
    assert not found.has_ended(clock.monotonic())
    clock.advance(4.99)
    assert not found.has_ended(clock.monotonic())
    clock.advance(0.01)
    assert found.has_ended(clock.monotonic())


@pytest.mark.parametrize(("ends_in", "ended"), [(None, False), (0.0, True), (-1e9, True)])
def test_a_key_without_an_end_never_ends(ends_in, ended):
    assert Found(_record(ends_in=ends_in), 0.0).has_ended(0.0) is ended
    assert not Found(None, 0.0).has_ended(1e9)


def _record(**values):
    fields = dict.fromkeys(("routes", "methods", "networks"), ())
    fields |= {"agent": "a", "hash": "", "hash_key": "", "created_at": 0.0, "now": 0.0}
    return Record(**fields, last_used_at=None, revoked=False, **values)
