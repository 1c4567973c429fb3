"""Sightings are written while the gateway serves and at its end; what has ended is swept."""

import asyncio

import pytest

from caracal_core.builtin.sightings import plugin as module
from caracal_core.builtin.sightings.config import SightingsConfig
from caracal_core.builtin.sightings.plugin import SightingsPlugin
from caracal_core.domain import Exchange
from caracal_core.storage.dialect import NOW
from caracal_core.storage.revocations import listing, revoke_credential
from caracal_core.storage.sightings import DAY_SECONDS, Seen, add, since
from caracal_core.testing.fakes import a_services


@pytest.fixture
async def now(database):
    ((row),) = await database.fetch(f"SELECT {NOW[database.dialect]} AS now")
    return float(row["now"])


def made(**rules):
    return SightingsPlugin(SightingsConfig.model_validate({"sightings": rules}))


def seen(at):
    return Exchange("id", at, 0.1, "127.0.0.1", "GET", "/", agent="anna", proved=("jwt",))


async def until(asked, expected):
    """Ask until the answer is as expected, for a bounded time."""
    async with asyncio.timeout(30):
        while await asked() != expected:  # noqa: ASYNC110 - each look waits for the database
            await asyncio.sleep(0)


async def test_what_was_seen_is_written_at_the_end(database, now):
    plugin, services = made(), a_services(database=database)
    (observer,) = plugin.observers(services)
    async with plugin.lifespan(services):
        await observer.observe(seen(now))
    assert [count for _, count in await since(database, 1)] == [1]


async def test_what_was_seen_is_written_again_and_again(database, now, monkeypatch):
    monkeypatch.setattr(module, "WRITE_SECONDS", 0.01)
    plugin, services = made(), a_services(database=database)
    (observer,) = plugin.observers(services)

    async def total():
        return sum(count for _, count in await since(database, 1))

    async with plugin.lifespan(services):
        for number in range(1, 4):
            await observer.observe(seen(now))
            await until(total, number)


async def test_what_has_ended_is_swept_while_it_serves(database, now):
    today = int(now // DAY_SECONDS)
    await add(database, {Seen("anna", today - age, (), ("jwt",)): 1 for age in (0, 7, 8)})
    await revoke_credential(database, "jwt", "past", expire_seconds=0)
    kept = await revoke_credential(database, "jwt", "for ever")

    async def left():
        days = [each.day for each, _ in await since(database, 1000)]
        return sorted(days), [each.id for each in await listing(database)]

    async with made(keep_days=7).lifespan(a_services(database=database)):
        await until(left, ([today - 7, today], [kept.id]))


async def test_a_store_that_is_down_stops_neither_the_start_nor_the_end(caplog):
    plugin, services = made(), a_services()
    (observer,) = plugin.observers(services)
    async with plugin.lifespan(services):
        await observer.observe(seen(0.0))
    assert "the last sightings are lost" in caplog.text
