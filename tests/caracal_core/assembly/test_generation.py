"""A generation knows who is inside it, and takes the corridor's rules off the configuration."""

import asyncio

import pytest

from caracal_core.assembly.generation import Generation, rules
from caracal_core.builtin.ledger.config import ChargeRules, ChargesConfig
from caracal_core.builtin.replay.config import ReplayConfig, ReplayRules
from caracal_core.config.core import CoreConfig
from caracal_core.config.load import Loaded
from caracal_core.stages.draining import Limits
from caracal_core.stages.replay import Window


def sections(**replay):
    return {
        "replay": ReplayConfig(replay=ReplayRules(**replay)),
        "charges": ChargesConfig(charges=ChargeRules(expiration=90)),
    }


def test_deadlines_and_windows_are_the_configurations():
    read = rules(CoreConfig(part_timeout=2, settle_timeout=3), sections(timestamp_window=40))
    assert (read.part_seconds, read.settle_seconds, read.expire_seconds) == (2, 3, 90)
    assert read.longest_seconds == 3600
    assert read.draining == Limits(seconds=10, most_bytes=2**20, at_once=128)
    assert read.replay == Window(past=40, future=30, remember=300)


def test_a_nonce_outlives_the_time_in_which_its_timestamp_is_believed():
    read = rules(CoreConfig(), sections(nonce_cache_ttl=1, timestamp_window=600))
    assert read.replay.remember == read.replay.past + read.replay.future


def test_replay_protection_can_be_switched_off():
    assert rules(CoreConfig(), sections(enabled=False)).replay is None


class _Told:
    async def drain(self):
        """Nothing is waiting."""


class _Corridor:
    """A corridor in which requests stay until they are let go."""

    observation = _Told()

    def __init__(self):
        self.leave = asyncio.Event()

    async def exchange(self, request, deliver):
        await self.leave.wait()
        if request == "broken":
            raise RuntimeError


@pytest.fixture
async def corridor():
    return _Corridor()


async def test_it_is_empty_once_everybody_has_left_however_they_left(corridor):
    generation = Generation(Loaded(CoreConfig(), (), {}, (), (), ""), (), corridor)
    await generation.emptied()
    guests = [asyncio.ensure_future(generation.exchange(name, None)) for name in ("fine", "broken")]
    await asyncio.sleep(0)
    leaving = asyncio.ensure_future(generation.emptied())
    await asyncio.sleep(0)
    assert (generation.inside, leaving.done()) == (2, False)
    corridor.leave.set()
    await leaving
    assert generation.inside == 0
    await asyncio.wait(guests)
    assert isinstance(guests[1].exception(), RuntimeError)
