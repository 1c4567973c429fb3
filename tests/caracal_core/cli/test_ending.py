"""A process ends though a task of a plugin's cannot be cancelled, and says so."""

import subprocess
import sys

import pytest

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
