"""Gateways and the database die again and again, and no money is lost, doubled or overspent.

Long run: ``CARACAL_CHAOS=100,50,20,200 pytest -s tests/end_to_end/ledger_chaos/test_chaos.py``:
so many gateways killed, postmasters killed, connections cut, and agents; ``CARACAL_SEED`` repeats
the dice of a run, though not the machine's.
"""

import asyncio
import os
import random
import secrets
import statistics
import time

import pytest

from caracal_core.storage.database import open_database

from .cut import Cable
from .fleet import PRICE, REPLICAS, a_fleet, usd
from .load import Load
from .reckoning import CHECKED, UNSPENT, WINDOWS, WRONG, Books, Oracle, Watch, report

KILLS, DATABASE_KILLS, CUTS, AGENTS = map(
    int, os.environ.get("CARACAL_CHAOS", "6,2,2,40").split(",")
)
LIMITS = {"agent": "1000000", "team": "10", "org": "60"}
PAUSE_SECONDS = 10


async def _havoc(fleet, load, server, cable, dice):
    """Kill and cut in some order, each time after a few more calls were acknowledged."""
    deeds = ["gateway"] * KILLS + ["database"] * DATABASE_KILLS + ["cut"] * CUTS
    dice.shuffle(deeds)
    comebacks = []
    for deed in deeds:
        await load.answers(dice.randint(5, 60), PAUSE_SECONDS)
        if deed == "cut":
            cable.cut()
        elif deed == "database":
            await asyncio.to_thread(server.kill)
            await asyncio.to_thread(server.start)
        else:
            if not fleet.serving:
                await asyncio.gather(*comebacks)
            number = dice.choice(sorted(fleet.serving))
            await fleet.kill(number)
            comebacks.append(asyncio.create_task(fleet.start(number)))
    await asyncio.gather(*comebacks)
    await load.answers(50, PAUSE_SECONDS)


def _none_open(config):
    async def none():
        async with open_database(config) as database:
            return not await database.fetch(
                "SELECT id FROM reservations WHERE state = 'pending' LIMIT 1"
            )

    return none


def _tell(seed, seconds, fleet, load, watch, books, windows):
    """Print what was seen; return the refusals that nothing explains."""
    blocked = books.blocked(load.paid, fleet.kills)
    full = Oracle(books, watch.limits, windows, {})
    living = Oracle(books, watch.limits, windows, blocked)
    needed = usd(PRICE).micro

    def unexplained(oracle):
        paths = fleet.paths
        return [r for r in load.refusals if not oracle.explains(r, paths[r.agent], needed)]

    false = unexplained(full)
    seconds_blocked = sorted(blocked.values()) or [0.0]
    report(
        seed=seed, seconds=round(seconds), kills=KILLS, database_kills=DATABASE_KILLS, cuts=CUTS,
        agents=AGENTS, answers={str(k): v for k, v in sorted(load.statuses.items(), key=str)},
        acknowledged=len(load.paid), reservations=len(books.reservations),
        orphans=len([r for r in books.reservations if r["cause"] == "orphan"]),
        late=len([e for e in books.entries if e["kind"] == "adjustment"]),
        samples=watch.samples, refusals=len(load.refusals), false_refusals=len(false),
        refused_for_the_dead=len(unexplained(living)) - len(false),
        blocked_median=round(statistics.median(seconds_blocked), 1),
        blocked_most=round(seconds_blocked[-1], 1),
    )  # fmt: skip
    return false


@pytest.mark.timeout(0 if "CARACAL_CHAOS" in os.environ else 240)
async def test_no_death_costs_or_loses_money(
    gateway, site, tmp_path, mortal_postgresql, storage_environment, until
):
    """No acknowledged charge lost, none posted twice, no limit passed, all holds ended by rule."""
    seed = int(os.environ.get("CARACAL_SEED", secrets.randbits(32)))
    dice = random.Random(seed)
    print(f"CARACAL_SEED={seed}")  # noqa: T201 - to repeat it
    mortal_postgresql.sql("ALTER SYSTEM SET track_commit_timestamp = on")
    await asyncio.to_thread(mortal_postgresql.kill)
    await asyncio.to_thread(mortal_postgresql.start)
    with mortal_postgresql.database() as config:
        async with Cable(config.port) as cable:
            environment = {**storage_environment(config), "DB_PORT": str(cable.port)}
            fleet, _ = await a_fleet(gateway, site, tmp_path, config, environment)
            await fleet.enrol(AGENTS, LIMITS)
            begun = time.monotonic()
            async with Watch(config, dice) as watch:
                async with Load(fleet, seed) as load:
                    await _havoc(fleet, load, mortal_postgresql, cable, dice)
                await until(_none_open(config))
            async with open_database(config) as database:
                books = await Books.read(database)
                windows = await database.fetch(WINDOWS)
                false = _tell(seed, time.monotonic() - begun, fleet, load, watch, books, windows)
                assert await database.fetch(WRONG) + await database.fetch(UNSPENT) == []
                (check,) = await database.fetch(CHECKED)
            for number in range(REPLICAS):
                await fleet.gateways[number].stop()
    assert check["count"] == 1
    assert watch.samples > 0
    assert watch.wrong == []
    assert books.lost(load.paid) == []
    assert books.doubled() == []
    assert [key for key, charges in load.keyed.items() if len(charges) > 1] == []
    assert books.against_the_rule() == []
    assert [each["id"] for each in books.reservations if each["state"] == "pending"] == []
    assert false == []
