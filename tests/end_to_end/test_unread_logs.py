"""Whoever does not read the logs holds up nobody, and reads the end of them all the same."""

import asyncio
import fcntl
import json
import os
import signal

import pytest

CHATTY = """
from caracal_core.plugin import Plugin, hookimpl


class Chatter:
    def __init__(self, log):
        self.log = log

    async def observe(self, exchange):
        self.log.warning("%s %s", exchange.path, "x" * 4000)


class ThePlugin(Plugin):
    @hookimpl
    def observers(self, services):
        return [Chatter(services.log)]
"""
CALLS = 100


@pytest.fixture
def pipe():
    """A pipe that holds one page; the test reads it when it likes."""
    reading, writing = os.pipe()
    fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, 4096)
    yield reading, writing
    for end in (reading, writing):
        os.close(end)


async def test_requests_are_served_though_standard_error_is_not_read(
    gateway, origin, packages, pipe
):
    reading, writing = pipe
    packages.add("chatty", code=CHATTY)
    environment = {"PYTHONPATH": str(packages.directory)}
    one = await gateway(origin.url, plugins=["chatty"], environment=environment, start=False)
    await one.start(stderr=writing)
    async with one.client() as session:
        for number in range(CALLS):
            async with session.get(f"/free/{number}") as reply:
                assert reply.status == 200
    assert (await one.operator_sees("/health/ready"))[0] == 200
    assert await one.metric("caracal_log_lost_records") == 0
    lines = asyncio.create_task(asyncio.to_thread(read_until_stopped, reading))
    one.signal(signal.SIGTERM)
    assert await one.ended() == 0
    said = [record["message"] for record in await lines]
    told = [message.split()[0] for message in said if message.startswith("/free/")]
    assert told == [f"/free/{number}" for number in range(CALLS)]
    assert said[-1] == "stopped"


def read_until_stopped(reading):
    """Return the records up to the last one of an orderly stop."""
    records, file = [], os.fdopen(os.dup(reading), "rb")
    with file:
        for line in file:
            records.append(json.loads(line))
            if records[-1]["message"] == "stopped":
                break
    return records
