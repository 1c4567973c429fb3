"""A program that is started with closed standard descriptors writes to none of its own files."""

import subprocess
import sys
from pathlib import Path

import pytest

CARACAL = str(Path(sys.executable).parent / "caracal")

LOOK = """
from caracal_core.plugin import Config, Plugin, hookimpl


class ThePlugin(Plugin):
    @hookimpl
    def commands(self, cli):
        import os, subprocess, sys

        @cli.command("look")
        def look():
            sys.stderr.write("lost")
            with open("found", "w") as file:
                print(file.fileno() > 2, file=file)
                for number in range(3):
                    print(os.readlink(f"/proc/self/fd/{number}"), file=file)
            subprocess.run(["/bin/sh", "-c", "echo lost >&2; readlink /proc/self/fd/2 >> found"])
            print("told")
"""


@pytest.mark.parametrize(
    ("closed", "numbers"),
    [("2>&-", [2]), ("<&- 2>&-", [0, 2]), ("<&- >&- 2>&-", [0, 1, 2]), ("", [])],
)
def test_what_was_closed_is_the_null_device_and_what_was_open_is_used(
    packages, tmp_path, closed, numbers
):
    """Children of the process have it, too."""
    packages.add("acme", code=LOOK)
    done = subprocess.run(  # noqa: S603 - the project's own program
        ["/bin/sh", "-c", f'exec "$0" look {closed}', CARACAL],
        cwd=tmp_path,
        env={"PATH": "/bin:/usr/bin", "PYTHONPATH": str(packages.directory), "PLUGINS": "acme"},
        stdin=subprocess.PIPE,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    free, *links, childs = (tmp_path / "found").read_text().splitlines()
    assert free == "True"
    assert [number for number in range(3) if links[number] == "/dev/null"] == numbers
    assert (childs == "/dev/null") == (2 in numbers)
    assert done.stdout == ("" if 1 in numbers else "told\n")
    assert ("lost" in done.stderr) == (2 not in numbers)
