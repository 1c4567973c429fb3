"""Uses are recorded coarsely, in batches, and none that waits is lost by a failure."""

import asyncio

import pytest

from caracal_auth_apikey import usage as module
from caracal_auth_apikey.store import Rehash, find
from caracal_auth_apikey.usage import Usage
from caracal_core.errors import Failure


async def used(desk, usage, key):
    usage.note(key.id, await find(desk.database, key.id))


async def last_used(desk, key):
    return (await desk.row(key.id))["last_used_at"]


@pytest.mark.parametrize(("precision", "seconds"), [("hour", 3600), ("day", 86_400)])
async def test_the_begin_of_an_hour_or_a_day_is_recorded(desk, precision, seconds):
    usage, key = Usage(precision), await desk.issue()
    await used(desk, usage, key)
    assert await last_used(desk, key) is None
    await usage.write(desk.database)
    at, now = await last_used(desk, key), (await find(desk.database, key.id)).now
    assert at % seconds == 0
    assert 0 <= now - at < seconds + 60


async def test_switched_off_nothing_is_recorded(desk):
    usage, key = Usage("off"), await desk.issue()
    await used(desk, usage, key)
    before = desk.database.asked
    await usage.write(desk.database)
    assert desk.database.asked == before


async def test_many_uses_are_one_statement_and_recorded_ones_none(desk):
    usage, keys = Usage("hour"), [await desk.issue() for _ in range(5)]
    for key in keys * 3:
        await used(desk, usage, key)
    before = desk.database.asked
    await usage.write(desk.database)
    assert desk.database.asked == before + 1
    for key in keys:
        await used(desk, usage, key)
    before = desk.database.asked
    await usage.write(desk.database)
    assert desk.database.asked == before


async def test_what_cannot_be_written_waits(desk):
    usage, key = Usage("hour"), await desk.issue()
    record = await find(desk.database, key.id)
    usage.note(key.id, record)
    usage.replace(Rehash(key.id, record.hash, "1" * 64, "other"))
    desk.database.down = Failure("test", "down")
    with pytest.raises(Failure):
        await usage.write(desk.database)
    desk.database.down = None
    await usage.write(desk.database)
    row = await desk.row(key.id)
    assert row["last_used_at"] is not None
    assert (row["hash"], row["hash_key"]) == ("1" * 64, "other")
    before = desk.database.asked
    await usage.write(desk.database)
    assert desk.database.asked == before


async def test_what_comes_while_it_writes_waits_for_the_next_time(desk):
    usage, keys = Usage("hour"), [await desk.issue() for _ in range(2)]
    records = [await find(desk.database, key.id) for key in keys]
    usage.note(keys[0].id, records[0])

    class Slow:
        dialect = desk.database.dialect

        async def execute(self, sql, *arguments):
            usage.note(keys[1].id, records[1])
            await asyncio.sleep(0)
            return await desk.database.execute(sql, *arguments)

    await usage.write(Slow())
    assert await last_used(desk, keys[1]) is None
    await usage.write(desk.database)
    assert await last_used(desk, keys[1]) is not None


async def test_what_waits_is_bounded(desk, monkeypatch):
    monkeypatch.setattr(module, "WAITING_MAX", 3)
    usage, key = Usage("hour"), await desk.issue()
    record = await find(desk.database, key.id)
    for number in range(10):
        usage.note(f"{number:016d}", record)
        usage.replace(Rehash(f"{number:016d}", "", "", ""))
    assert (len(usage._used), len(usage._rehashes)) == (3, 3)
