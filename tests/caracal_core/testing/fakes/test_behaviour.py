"""The behaviours: each does to its caller exactly what its name says."""

import asyncio

import pytest

from caracal_core.testing.fakes import (
    Stubborn,
    allow,
    broken,
    cancels,
    collapses,
    deny,
    junk,
    slow,
)


def _yes():
    return "yes"


def _no():
    return "no"


async def test_allow_says_yes_and_deny_says_no():
    assert (await allow(_yes, _no), await deny(_yes, _no)) == ("yes", "no")


async def test_broken_raises():
    with pytest.raises(Exception, match="on purpose"):
        await broken(_yes, _no)


async def test_collapses_raises_past_except_exception():
    with pytest.raises(BaseException, match="on purpose") as caught:
        await collapses(_yes, _no)
    assert not isinstance(caught.value, Exception)


async def test_cancels_raises_a_cancellation_that_nobody_asked_for():
    with pytest.raises(asyncio.CancelledError):
        await cancels(_yes, _no)


async def test_junk_is_true_and_nothing_else():
    answer = await junk(_yes, _no)
    assert answer
    assert type(answer).__mro__[1:] == (object,)


async def _hanging(behave):
    task = asyncio.ensure_future(behave(_yes, _no))
    await asyncio.sleep(0)
    assert not task.done()
    return task


async def test_slow_hangs_until_cancelled():
    task = await _hanging(slow)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_stubborn_swallows_as_many_cancellations_as_told():
    stubborn = Stubborn(swallows=2)
    task = await _hanging(stubborn)
    for _ in range(2):
        task.cancel()
        await asyncio.sleep(0)
        assert not task.done()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert stubborn.swallowed == 2
