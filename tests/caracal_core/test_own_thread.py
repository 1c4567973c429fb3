"""Work that hangs in a thread of its own holds up neither its neighbours nor the end."""

import asyncio
import contextvars
import os
import subprocess
import sys
import threading

import pytest

from caracal_core.errors import Misconfigured
from caracal_core.own_thread import LEFT_MAX, in_own_thread

PROGRAM = """
import asyncio, sys
from caracal_core.own_thread import in_own_thread

async def main():
    try:
        async with asyncio.timeout(0.1):
            await in_own_thread(lambda: open(sys.argv[1]))
    except TimeoutError:
        print("given up")

asyncio.run(main())
"""


async def test_it_gives_what_the_work_returns_in_the_caller_s_context():
    variable = contextvars.ContextVar("variable")
    variable.set("here")
    assert await in_own_thread(lambda: (variable.get(), threading.current_thread().daemon)) == (
        "here",
        True,
    )


@pytest.mark.parametrize("kind", [OSError, SystemExit, asyncio.CancelledError])
async def test_it_raises_what_the_work_raises(kind):
    def fail():
        raise kind

    async with asyncio.timeout(20):
        with pytest.raises(kind):
            await in_own_thread(fail)


async def test_what_no_future_may_hold_does_not_hang():
    async with asyncio.timeout(20):
        with pytest.raises(RuntimeError, match="StopIteration"):
            await in_own_thread(lambda: next(iter(())))


async def test_whoever_is_cancelled_leaves_it_behind():
    free, over = threading.Event(), threading.Event()

    def hang():
        free.wait(20)
        over.set()

    waiting = asyncio.create_task(in_own_thread(hang))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait([waiting])
    assert waiting.cancelled()
    free.set()
    assert await in_own_thread(lambda: over.wait(20))


async def left_behind(work, file):
    """Begin the work and give it up; return its thread."""
    begun = asyncio.get_running_loop().create_future()

    def run():
        begun.get_loop().call_soon_threadsafe(begun.set_result, threading.current_thread())
        work()

    waiting = asyncio.create_task(in_own_thread(run, file))
    thread = await begun
    waiting.cancel()
    await asyncio.wait([waiting])
    return thread


async def test_few_are_left_behind_over_one_file(tmp_path):
    """However often somebody tries; another file is read, and this one once it lives again."""
    free = threading.Event()
    async with asyncio.timeout(20):
        hanging = [
            await left_behind(lambda: free.wait(20), tmp_path / "a") for _ in range(LEFT_MAX)
        ]
        with pytest.raises(Misconfigured, match=r"/a: it is not read again, for 2 .* hang still"):
            await in_own_thread(lambda: 1, str(tmp_path / "a"))
        assert await in_own_thread(lambda: 1, tmp_path / "b") == 1
        assert await in_own_thread(lambda: 1) == 1
        free.set()
        for thread in hanging:
            thread.join(20)
        assert await in_own_thread(lambda: 1, tmp_path / "a") == 1


async def test_many_that_hang_hold_up_no_other():
    """The default executor has a few threads for everybody."""
    free = threading.Event()
    hanging = [asyncio.create_task(in_own_thread(free.wait)) for _ in range(64)]
    await asyncio.sleep(0)
    async with asyncio.timeout(20):
        assert await in_own_thread(lambda: 1) == 1
        free.set()
        await asyncio.gather(*hanging)


def test_one_that_hangs_does_not_keep_the_process(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    done = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-c", PROGRAM, tmp_path / "pipe"],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "given up\n", "")
