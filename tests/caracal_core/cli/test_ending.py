"""A process ends though a task of a plugin's cannot be cancelled, and says so."""

import asyncio
import os
import subprocess
import sys
import threading

import pytest

from caracal_core.cli.ending import run_to_the_end

PROGRAM = """
import asyncio, logging
from caracal_core.cli import ending
ending.STUCK_SECONDS = 0.1
logging.basicConfig()

async def stubborn():
    while True:
        try:
            await asyncio.Future()
        except asyncio.CancelledError:
            pass

async def passing():
    pass

async def willing():
    await asyncio.Future()

async def work():
    global kept  # or it may be collected before the end
    kept = asyncio.create_task({task}(), name="the task")
    await asyncio.sleep(0)
    {then}

ending.run_to_the_end(work())
"""

HANGING = """
import asyncio, logging, os, sys, threading
from caracal_core.cli import ending, leaving
ending.STUCK_SECONDS = leaving.LEAVE_SECONDS = 0.1
logging.basicConfig()

async def work():
    begun = threading.Event()
    def hang():
        begun.set()
        open(sys.argv[1])
    hanging = [asyncio.create_task(asyncio.to_thread(hang)) for _ in range(99)]
    await asyncio.sleep(0)
    begun.wait(20)
    {then}

try:
    print(ending.run_to_the_end(work()))
except ValueError as error:
    print(error)
    leaving.limit_the_exit(2)
    sys.exit(2)
leaving.limit_the_exit(0)
"""


def ended(task, then="print('done')"):
    return subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-c", PROGRAM.format(task=task, then=then)],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def test_a_task_that_can_be_cancelled_is():
    done = ended("willing")
    assert (done.returncode, done.stdout, done.stderr) == (0, "done\n", "")


def test_work_that_leaves_no_task_behind_ends_as_well():
    done = ended("passing", "await asyncio.sleep(0)")
    assert (done.returncode, done.stderr) == (0, "")


def test_what_a_log_still_holds_is_written_before_the_end():
    done = ended(
        "stubborn",
        "from logging import handlers, StreamHandler; "
        "held = handlers.MemoryHandler(100, 99, StreamHandler()); "
        "logging.getLogger('held').addHandler(held); "
        "logging.getLogger('held').propagate = False; "
        "logging.getLogger('held').warning('the last word')",
    )
    assert done.returncode == 1
    assert "the last word" in done.stderr


def test_a_task_that_cannot_is_named_and_left_behind():
    done = ended("stubborn")
    assert done.returncode == 1
    assert "the task" in done.stderr


@pytest.mark.parametrize("task", ["willing", "stubborn"])
def test_an_error_of_the_work_is_not_hidden(task):
    done = ended(task, "raise ValueError('why')")
    assert done.returncode == 1
    assert "ValueError: why" in done.stderr


@pytest.mark.parametrize(
    ("then", "code", "said"),
    [("return 'done'", 0, "done\n"), ("raise ValueError('why')", 2, "why\n")],
)
def test_threads_that_hang_are_left_behind_and_the_exit_code_is_the_work_s(
    tmp_path, then, code, said
):
    """As a dead mount has them, and a pipe that nobody writes to; each waits for the system."""
    os.mkfifo(tmp_path / "pipe")
    done = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-c", HANGING.format(then=then), tmp_path / "pipe"],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert (done.returncode, done.stdout) == (code, said)
    assert "threads do not end" in done.stderr
    assert "Traceback" not in done.stderr


def test_work_gives_what_it_returns_and_its_threads_are_waited_for():
    ended = []

    async def work():
        free = threading.Event()
        threads = asyncio.get_running_loop().run_in_executor
        threads(None, lambda: (free.wait(20), ended.append(True)))
        free.set()
        return "done"

    assert run_to_the_end(work()) == "done"
    assert ended == [True]
