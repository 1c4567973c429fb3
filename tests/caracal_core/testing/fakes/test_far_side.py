"""The far side: it plays its script in order, and tests can wait for what it does."""

import asyncio

import pytest

from caracal_core.domain import Headers
from caracal_core.testing.fakes import FarSide
from caracal_core.testing.fakes.script import Answer, Received, Silence

RECEIVED = Received("GET", "/", Headers(), b"")


def test_the_script_is_played_in_order_and_then_plainly():
    far_side = FarSide()
    far_side.will(Silence(), Answer(201))
    far_side.will(Answer(202))
    steps = [far_side.next_step(RECEIVED) for _ in range(4)]
    assert steps == [Silence(), Answer(201), Answer(202), Answer()]
    assert far_side.received == [RECEIVED] * 4


async def test_one_can_wait_until_requests_have_begun():
    far_side = FarSide()
    waiter = asyncio.ensure_future(far_side.begun(2))
    for _ in range(2):
        await asyncio.sleep(0)
        assert not waiter.done()
        far_side.begin()
    await waiter


async def test_one_can_wait_until_nothing_is_in_progress():
    far_side = FarSide()
    await far_side.idle()
    far_side.begin()
    waiter = asyncio.ensure_future(far_side.idle())
    await asyncio.sleep(0)
    assert not waiter.done()
    far_side.end()
    await waiter


async def test_leaving_is_the_players_own():
    with pytest.raises(NotImplementedError):
        await FarSide().leave()
