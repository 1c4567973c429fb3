"""Expired nonces go in small batches, written down first; a new timeline trusts no old word."""

import asyncio
import time

from caracal_core.builtin.replay import epochs
from caracal_core.builtin.replay.config import ReplayRules
from caracal_core.builtin.replay.epochs import (
    CLOCK_TOLERANCE,
    MARGIN_SECONDS,
    open_epoch,
    sweep,
)
from caracal_core.storage.database import open_database
from caracal_core.storage.migrate import up

RULES = ReplayRules()
EPOCHS = "SELECT timeline, trusted_from, swept_until FROM replay_epochs ORDER BY trusted_from"


async def _used(database, value, age):
    """Store a nonce that expired ``age`` seconds ago."""
    await database.execute("INSERT INTO nonces VALUES ('a', $1, 0, $2)", value, time.time() - age)


async def _values(database):
    rows = await database.fetch("SELECT value FROM nonces ORDER BY value")
    return [row["value"] for row in rows]


async def test_the_first_epoch_trusts_everything(database):
    await open_epoch(database, RULES)
    (epoch,) = await database.fetch(EPOCHS)
    assert (epoch["trusted_from"], epoch["swept_until"]) == (0, 0)


async def test_an_epoch_begins_once_however_many_gateways_open_it(database):
    await asyncio.gather(*(open_epoch(database, RULES) for _ in range(20)))
    assert len(await database.fetch(EPOCHS)) == 1


async def test_a_later_epoch_trusts_only_what_nobody_can_have_used_before(database):
    await database.execute("INSERT INTO replay_epochs VALUES ('another', 0, 1234)")
    before = time.time()
    await open_epoch(database, RULES)
    _, epoch = await database.fetch(EPOCHS)
    assert epoch["trusted_from"] >= before - 0.01 + RULES.future_skew + CLOCK_TOLERANCE
    assert epoch["swept_until"] == 1234


async def test_a_promotion_begins_a_new_epoch(mortal_postgresql):
    """Proved on a server that takes over on a timeline of its own."""
    mortal_postgresql.sql("CREATE DATABASE store OWNER caracal")
    config = mortal_postgresql.config("store")
    await up(config)
    async with open_database(config) as database:
        await open_epoch(database, RULES)
        await asyncio.to_thread(mortal_postgresql.promote)
    async with open_database(config) as database:
        await open_epoch(database, RULES)
        first, second = await database.fetch(EPOCHS)
    assert (first["timeline"], second["timeline"]) == ("00000001", "00000002")
    assert first["trusted_from"] == 0
    assert second["trusted_from"] > time.time()


async def test_only_what_expired_long_enough_ago_is_swept(database):
    await open_epoch(database, RULES)
    await _used(database, "live", -100)
    await _used(database, "just expired", MARGIN_SECONDS - 10)
    await _used(database, "expired", MARGIN_SECONDS + 10)
    assert await sweep(database) == 1
    assert await _values(database) == ["just expired", "live"]


async def test_what_is_swept_is_written_down(database):
    await open_epoch(database, RULES)
    await sweep(database)
    (epoch,) = await database.fetch(EPOCHS)
    assert time.time() - MARGIN_SECONDS - 30 < epoch["swept_until"] <= time.time() - MARGIN_SECONDS


async def test_nothing_is_swept_before_it_is_written_down(database):
    """Without an epoch there is nowhere to write; a mark from the future is never lowered."""
    await _used(database, "expired", 1000)
    assert await sweep(database) == 0
    future = time.time() + 1000
    await open_epoch(database, RULES)
    await database.execute("UPDATE replay_epochs SET swept_until = $1", future)
    assert await sweep(database) == 0
    assert await _values(database) == ["expired"]
    (epoch,) = await database.fetch(EPOCHS)
    assert epoch["swept_until"] == future


async def test_a_sweep_takes_small_batches_up_to_a_limit(database, monkeypatch):
    monkeypatch.setattr(epochs, "BATCH", 3)
    monkeypatch.setattr(epochs, "BATCHES_MAX", 2)
    await open_epoch(database, RULES)
    for number in range(8):
        await _used(database, str(number), 1000 - number)
    assert await sweep(database) == 6
    assert await _values(database) == ["6", "7"]
    assert await sweep(database) == 2


async def test_many_sweepers_do_not_stand_in_each_others_way(storage_config):
    async with open_database(storage_config) as one, open_database(storage_config) as two:
        await open_epoch(one, RULES)
        for number in range(50):
            await _used(one, str(number), 1000)
        await asyncio.gather(*(sweep(database) for database in [one, two] * 5))
        await sweep(one)
        assert await _values(one) == []
