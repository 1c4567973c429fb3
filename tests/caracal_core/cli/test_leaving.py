"""A process exits with its code though a thread of it hangs, and at once where none does."""

import os
import subprocess
import sys

import pytest

PROGRAM = """
import sys
from concurrent.futures import ThreadPoolExecutor
from caracal_core.cli import leaving
leaving.LEAVE_SECONDS = {seconds}

ThreadPoolExecutor().submit(open, sys.argv[1])
print("said")
leaving.limit_the_exit(3)
sys.exit(3)
"""


@pytest.mark.parametrize(("place", "seconds"), [("pipe", 0.1), ("none", 3600)])
def test_it_exits_with_its_code_and_has_said_everything(tmp_path, place, seconds):
    os.mkfifo(tmp_path / "pipe")
    done = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-c", PROGRAM.format(seconds=seconds), tmp_path / place],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (3, "said\n", "")
