"""Counts add up, whoever writes them; days pass out of sight and out of the table."""

import asyncio
from typing import ClassVar

import pytest
from msgspec.structs import replace

from caracal_core.storage.dialect import NOW
from caracal_core.storage.sightings import DAY_SECONDS, LONGEST, Seen, add, since, sweep


@pytest.fixture
async def today(database):
    """The database's day."""
    ((row),) = await database.fetch(f"SELECT {NOW[database.dialect]} AS now")
    return int(row["now"] // DAY_SECONDS)


@pytest.fixture
def seen(today):
    return Seen("anna", today, ("bearer_jws", "certificate"), ("jwt",), ("mtls",))


async def test_what_was_added_is_read_as_it_was(database, seen):
    bare = Seen("ben", seen.day, (), ("outside",), (), ("mtls", "api_key"))
    await add(database, {seen: 3, bare: 1})
    assert await since(database, 0) == [(seen, 3), (bare, 1)]


async def test_counts_of_the_same_add_up_and_of_others_stand_apart(database, seen):
    others = [
        replace(seen, agent="anna2"),
        replace(seen, day=seen.day - 1),
        replace(seen, shown=("bearer_jws",)),
        replace(seen, proved=("jwt", "mtls")),
        replace(seen, trial_proved=()),
        replace(seen, trial_refused=("mtls",)),
    ]
    await add(database, dict.fromkeys([seen, *others], 2))
    await add(database, {seen: 40})
    found = dict(await since(database, 1))
    assert found == {seen: 42} | dict.fromkeys(others, 2)


async def test_many_gateways_add_the_same_in_any_order_and_nothing_is_lost(database, today):
    all_seen = [Seen(f"agent-{number}", today, ("bearer_jws",), ("jwt",)) for number in range(40)]
    orders = [all_seen, all_seen[::-1]] * 10
    await asyncio.gather(*(add(database, dict.fromkeys(order, 1)) for order in orders))
    assert dict(await since(database, 0)) == dict.fromkeys(all_seen, 20)


async def test_days_are_counted_back_from_the_databases_today(database, seen, today):
    past = [replace(seen, day=today - age) for age in range(5)]
    await add(database, dict.fromkeys(past, 1))
    for days in range(5):
        assert {each.day for each, _ in await since(database, days)} == {
            today - age for age in range(days + 1)
        }


async def test_what_is_older_than_so_many_days_is_forgotten(database, seen, today):
    await add(database, {replace(seen, day=today - age): 1 for age in range(5)})
    assert await sweep(database, 2) == 2
    assert {each.day for each, _ in await since(database, 100)} == {today, today - 1, today - 2}
    assert await sweep(database, 2) == 0


async def test_nothing_is_added_of_nothing(database):
    await add(database, {})
    assert await since(database, 100) == []


async def test_the_longest_that_fits_is_stored(database, seen):
    longest = replace(seen, agent="x" * 128, shown=("x" * (LONGEST // 2), "y" * (LONGEST // 2 - 1)))
    assert longest.fits
    await add(database, {longest: 1})
    assert await since(database, 0) == [(longest, 1)]
    assert not replace(seen, shown=(*longest.shown, "z")).fits
    assert not replace(seen, trial_refused=("x" * (LONGEST + 1),)).fits


async def test_rows_are_locked_in_one_order_whoever_writes_them(database, today):
    """Else two gateways that write the same at once could each wait for the other."""

    class Noting:
        dialect = database.dialect
        said: ClassVar[list[str]] = []

        async def execute(self, _sql, rows):
            self.said.append(rows)
            return 0

    all_seen = [Seen(f"agent-{number}", today, (), ("jwt",)) for number in range(9)]
    for order in (all_seen, all_seen[::-1]):
        await add(Noting(), dict.fromkeys(order, 1))
    assert Noting.said[0] == Noting.said[1]
