"""A late call is struck until it ends, and its strikes are taken back afterwards."""

import asyncio
from time import monotonic

import pytest


async def test_a_call_in_time_is_left_alone(watched):
    async def work(due):
        due.start(60)
        await asyncio.sleep(0)
        return due.stop(), asyncio.current_task().cancelling()

    assert await watched(work) == (False, 0)


async def test_a_late_call_is_struck_and_the_task_lives_on(watched):
    async def work(due):
        due.start(0.01)
        with pytest.raises(asyncio.CancelledError):
            await asyncio.Future()
        late = due.stop()
        await asyncio.sleep(0)
        return late, asyncio.current_task().cancelling()

    assert await watched(work) == (True, 0)


async def test_it_is_never_struck_early(watched):
    async def work(due):
        started = monotonic()
        due.start(0.2)
        with pytest.raises(asyncio.CancelledError):
            await asyncio.Future()
        due.stop()
        return monotonic() - started

    assert await watched(work) >= 0.2


async def test_a_call_that_swallows_its_strike_is_struck_again(watched):
    async def work(due):
        due.start(0.01)
        for _ in range(3):
            with pytest.raises(asyncio.CancelledError):
                await asyncio.Future()
        return due.stop(), asyncio.current_task().cancelling()

    assert await watched(work) == (True, 0)


async def test_progress_gives_the_full_time_again(watched):
    async def work(due):
        due.start(60)
        before = due.at
        await asyncio.sleep(0)
        due.restart()
        return due.at > before

    assert await watched(work)


async def test_a_paused_call_has_no_deadline_until_it_restarts(watched):
    async def work(due):
        due.start(60)
        due.pause()
        paused = due.at
        due.restart()
        return paused, due.at

    paused, restarted = await watched(work)
    assert paused == float("inf")
    assert restarted < float("inf")


async def test_somebody_elses_cancellation_is_told_from_a_strike(watched):
    struck_only = asyncio.Event()
    seen = []

    async def work(due):
        due.start(0.01)
        with pytest.raises(asyncio.CancelledError):
            await asyncio.Future()
        seen.append(due.abandoned)
        due.pause()
        struck_only.set()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.Future()
        seen.append(due.abandoned)

    task = watched(work)
    await struck_only.wait()
    task.cancel()
    await asyncio.wait([task])
    assert seen == [False, True]


async def test_a_released_call_is_no_longer_watched(warden):
    due = warden.watch()
    assert len(warden) == 1
    warden.release(due)
    assert len(warden) == 0


async def test_a_dismissed_exchange_ends_by_the_gateways_own_doing(watched, warden):
    async def work(due):
        with pytest.raises(asyncio.CancelledError) as ended:
            await asyncio.Future()
        other = due.cut_short(RuntimeError()), due.cut_short(None)
        return due.cut_short(ended.value), other, due.abandoned

    task = watched(work)
    await asyncio.sleep(0)
    warden.dismiss()
    assert await task == (True, (False, False), True)


async def test_a_client_that_hung_up_before_stays_gone(watched, warden):
    async def work(due):
        with pytest.raises(asyncio.CancelledError) as ended:
            await asyncio.Future()
        warden.dismiss()
        return due.cut_short(ended.value)

    task = watched(work)
    await asyncio.sleep(0)
    task.cancel()
    assert await task is False


async def test_what_goes_on_without_its_client_ends_with_the_gateway(watched, warden):
    """Be it in the exchange's own task, or in one that the watch was handed over to."""

    async def work(due):
        due.left = 1.0
        with pytest.raises(asyncio.CancelledError):
            await asyncio.Future()
        rest = asyncio.ensure_future(asyncio.Event().wait())
        due.hand_over(rest)
        warden.dismiss()
        await asyncio.wait([rest])
        due.take_back()
        return due.dismissed, rest.cancelled()

    task = watched(work)
    await asyncio.sleep(0)
    warden.dismiss()
    assert await task == (False, True)


async def test_a_watch_that_was_handed_over_strikes_there_and_comes_back_clean(watched):
    async def work(due):
        rest = asyncio.ensure_future(asyncio.Event().wait())
        due.hand_over(rest)
        due.start(0.01)
        await asyncio.wait([rest])
        due.take_back()
        return rest.cancelled(), due.abandoned, due.runs, due.stop()

    assert await watched(work) == (True, False, True, False)


async def test_whoever_comes_in_afterwards_is_ended_by_the_gateway_too(watched, warden):
    """Its connection is cut in a moment, which looks like a hang-up."""

    async def work(due):
        return due.cut_short(asyncio.CancelledError())

    warden.dismiss()
    assert await watched(work) is True


async def test_an_observer_is_not_dismissed(warden):
    """It still has stories to hear."""

    async def listen():
        due = warden.watch(exchange=False)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        warden.release(due)
        return due.dismissed

    listening = asyncio.ensure_future(listen())
    await asyncio.sleep(0)
    warden.dismiss()
    assert await listening is False
    assert len(warden) == 0


async def test_a_dismissed_exchange_is_forgotten_once_it_is_released(watched, warden):
    """A second dismissal must not cancel what the task does next."""

    async def work(due):
        warden.release(due)
        warden.dismiss()
        await asyncio.sleep(0)
        return asyncio.current_task().cancelling()

    assert await watched(work) == 0
