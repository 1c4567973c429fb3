"""SIGHUP has the configuration looked at and never ends the gateway; nor does SIGUSR1 or 2."""

import asyncio
import signal

import pytest

KILLED_EVERYWHERE = """
import os
import signal
from contextlib import asynccontextmanager

from caracal_core.plugin import Plugin, hookimpl


def hang_up():
    for number in (signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2):
        os.kill(os.getpid(), number)


hang_up()


class ThePlugin(Plugin):
    @hookimpl
    def observers(self, services):
        hang_up()
        return ()

    @hookimpl
    @asynccontextmanager
    async def lifespan(self, services):
        hang_up()
        yield
        hang_up()
"""


async def test_a_signal_takes_a_change_into_effect_and_finishes_what_is_in_flight(
    gateway, patient, until
):
    """The old price for the call in flight, the new one for the next."""
    one = await gateway(patient.url)
    async with one.client() as session:
        calling = asyncio.create_task(session.get("/paid/later"))

        async def waits():
            return patient.waiting == 1

        await until(waits)
        one.settings["tariffs"] = {"flat": {"currency": "USD", "per_call": "0.5"}}
        one.write()
        one.signal(signal.SIGHUP)

        async def in_effect():
            return await one.metric("caracal_configuration_reloads_total") == 1

        await until(in_effect)
        async with session.get("/paid/now") as reply:
            assert reply.headers["X-Caracal-Cost"] == "0.5"
        patient.release.set()
        async with await calling as reply:
            assert (reply.status, reply.headers["X-Caracal-Cost"]) == (200, "0.25")


async def test_a_signal_without_a_change_is_answered_in_the_log(gateway, origin, until):
    one = await gateway(origin.url)

    async def answered():
        return "nothing changed, the configuration " in one.log

    assert not await answered()
    one.signal(signal.SIGHUP)
    await until(answered)
    assert await one.metric("caracal_configuration_reloads_total") == 0


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2])
async def test_a_signal_during_the_stop_changes_nothing_of_it(gateway, patient, until, number):
    one = await gateway(patient.url)
    async with one.client() as session:
        calling = asyncio.create_task(session.get("/paid/later"))

        async def waits():
            return patient.waiting == 1

        async def drains():
            return (await one.operator_sees("/health/ready"))[0] == 503

        await until(waits)
        one.signal(signal.SIGTERM)
        await until(drains)
        one.signal(number)
        assert (await one.operator_sees("/health/live"))[0] == 200
        patient.release.set()
        async with await calling as reply:
            assert reply.status == 200
    assert await one.ended() == 0


async def test_before_it_listens_and_while_it_closes_it_is_not_killed_either(
    gateway, origin, packages
):
    """From the import of a plugin to the end of its lifespan."""
    packages.add("deaf", code=KILLED_EVERYWHERE)
    environment = {"PYTHONPATH": str(packages.directory)}
    one = await gateway(origin.url, plugins=["deaf"], environment=environment)
    one.signal(signal.SIGTERM)
    assert await one.ended() == 0


async def test_a_reader_of_its_output_that_leaves_does_not_end_it(gateway, origin):
    """SIGPIPE: exchanges are written to standard output, where nobody listens any more."""
    one = await gateway(origin.url)
    one.leave_output()
    async with one.client() as session:
        for _ in range(3):
            async with session.get("/free/x") as reply:
                assert reply.status == 200
    assert (await one.operator_sees("/health/ready"))[0] == 200
