"""Whatever a plugin's part does, the stage gets a proper answer, a refusal or a failure."""

import asyncio
import logging

import pytest

from caracal_core.errors import Denied, Failure, UpstreamTimeout
from caracal_core.stages.part import Part
from caracal_core.testing.fakes.behaviour import (
    Stubborn,
    allow,
    broken,
    cancels,
    collapses,
    junk,
    slow,
)


def part(behave, *, seconds=5.0, late=Failure):
    async def verb():
        return await behave(lambda: "yes", lambda: "no")

    return Part("strange policy", verb, (str,), seconds, late)


async def test_a_proper_answer_is_returned(watched):
    assert await watched(part(allow)) == "yes"


@pytest.mark.parametrize("behave", [broken, collapses, cancels, junk])
async def test_misbehaviour_is_a_failure_that_names_the_part(watched, behave):
    with pytest.raises(Failure) as failure:
        await watched(part(behave))
    assert failure.value.part == "strange policy"


@pytest.mark.parametrize("behave", [slow, Stubborn(2)])
async def test_a_late_part_is_a_failure_of_the_chosen_kind(watched, behave):
    with pytest.raises(UpstreamTimeout):
        await watched(part(behave, seconds=0.01, late=UpstreamTimeout))


async def test_an_answer_that_comes_after_the_strike_is_too_late(watched):
    async def verb():
        try:
            await asyncio.Future()
        except asyncio.CancelledError:
            return "late"

    with pytest.raises(Failure):
        await watched(Part("p", verb, (str,), 0.01))


async def test_the_task_can_go_on_after_a_failure(watched):
    async def work(due):
        with pytest.raises(Failure):
            await part(slow, seconds=0.01)(due)
        return await part(allow)(due), asyncio.current_task().cancelling()

    assert await watched(work) == ("yes", 0)


@pytest.mark.parametrize("error", [Denied("no"), UpstreamTimeout("u", "late")])
async def test_a_refusal_or_failure_of_the_parts_own_passes_unchanged(watched, error):
    async def verb():
        raise error

    with pytest.raises(type(error)) as raised:
        await watched(Part("p", verb, (str,), 5))
    assert raised.value is error


@pytest.mark.parametrize("swallows", [False, True])
async def test_the_client_hanging_up_wins_over_every_answer(watched, swallows):
    waiting = asyncio.Event()

    async def verb():
        waiting.set()
        try:
            await asyncio.Future()
        except asyncio.CancelledError:
            if swallows:
                return "never mind"
            raise

    task = watched(Part("p", verb, (str,), 5))
    await waiting.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_verb_that_is_no_coroutine_is_a_failure(watched):
    with pytest.raises(Failure):
        await watched(Part("p", lambda: "at once", (str,), 5))


async def test_the_log_names_the_line_and_not_the_message(watched, caplog):
    async def verb():
        raise ValueError("s3cret-token")

    with caplog.at_level(logging.ERROR), pytest.raises(Failure) as failure:
        await watched(Part("strange policy", verb, (str,), 5))
    assert "ValueError" in caplog.text
    assert "line" in caplog.text
    assert "s3cret" not in caplog.text + str(failure.value)


async def test_at_debug_the_log_has_the_trace_with_the_message_and_no_values(watched, caplog):
    """Whoever writes a plugin needs it; what the part was given stays out."""

    async def verb(argument):
        local = f"local-{argument}"
        raise ValueError(f"it is {len(local)}")

    with caplog.at_level(logging.DEBUG, "caracal.parts"), pytest.raises(Failure):
        await watched(Part("strange policy", lambda: verb("s3cret"), (str,), 5))
    assert "strange policy" in caplog.text
    assert "ValueError: it is 12" in caplog.text
    assert "test_part.py" in caplog.text
    assert "local-s3cret" not in caplog.text
