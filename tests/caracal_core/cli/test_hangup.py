"""A SIGHUP calls whoever wants to hear it, on its loop, and kills nobody before or after."""

import asyncio
import os
import signal
import subprocess
import sys

import pytest
import uvloop

from caracal_core.cli.hangup import endure, heard

PATIENCE = 10


@pytest.fixture(autouse=True)
def _handlers_as_they_were():
    numbers = (signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)
    before = {number: signal.getsignal(number) for number in numbers}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run])
def test_it_is_heard_on_an_idle_loop_and_only_within_the_block(run):
    endure()
    calls = []

    async def work():
        came = asyncio.Event()

        def ask():
            calls.append(asyncio.get_running_loop())
            came.set()

        with heard(ask):
            asyncio.get_running_loop().call_later(0, os.kill, os.getpid(), signal.SIGHUP)
            async with asyncio.timeout(PATIENCE):
                await came.wait()
        os.kill(os.getpid(), signal.SIGHUP)
        await asyncio.sleep(0)

    run(work())
    os.kill(os.getpid(), signal.SIGHUP)
    assert len(calls) == 1


def test_what_kills_by_default_is_endured():
    script = (
        "import os, signal; from caracal_core.cli.hangup import endure; endure();"
        "[os.kill(os.getpid(), n) for n in (signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)]"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0  # noqa: S603 - this very Python
