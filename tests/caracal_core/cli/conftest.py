"""Runs ``caracal`` as people do: a process of its own, in a directory of its own."""

from __future__ import annotations

import json
import select
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

PROGRAM = Path(sys.executable).with_name("caracal")
TIMEOUT_SECONDS = 60


class Preloaded:
    """The program with its code loaded, which becomes a process for each command.

    Args:
        place: an empty directory, for what a command prints.
    """

    def __init__(self, place: Path) -> None:
        self._printed = [place / "stdout", place / "stderr"]
        self._process = subprocess.Popen(  # noqa: S603 - our own program
            [sys.executable, Path(__file__).with_name("preloaded.py")],
            env={},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(
        self, arguments: Sequence[str], cwd: Path, environment: Mapping[str, str]
    ) -> subprocess.CompletedProcess[str]:
        """Run a command; return what became of it."""
        for file in self._printed:
            file.write_bytes(b"")
        command = {
            "arguments": arguments,
            "cwd": str(cwd),
            "environment": environment,
            "printed": [str(file) for file in self._printed],
        }
        process = self._process
        print(json.dumps(command), file=process.stdin, flush=True)
        if not select.select([process.stdout], [], [], TIMEOUT_SECONDS)[0]:
            raise subprocess.TimeoutExpired(["caracal", *arguments], TIMEOUT_SECONDS)
        code = int(process.stdout.readline())
        printed = (file.read_text() for file in self._printed)
        return subprocess.CompletedProcess(["caracal", *arguments], code, *printed)

    def close(self) -> None:
        """End it, and a command that hangs with it."""
        with self._process as process:
            process.stdin.close()
            process.wait(TIMEOUT_SECONDS)


@pytest.fixture(scope="session")
def preloaded(tmp_path_factory: pytest.TempPathFactory):
    """The program, loaded once."""
    preloaded = Preloaded(tmp_path_factory.mktemp("preloaded"))
    yield preloaded
    preloaded.close()


@pytest.fixture
def program(tmp_path: Path):
    """Run the installed program itself; it starts slowly."""

    def program(*arguments: str, environment: Mapping[str, str] | None = None):
        return subprocess.run(  # noqa: S603 - the project's own program
            [PROGRAM, *arguments],
            cwd=tmp_path,
            env={"CARACAL_DATA_DIR": str(tmp_path / "data"), **(environment or {})},
            capture_output=True,
            text=True,
            timeout=TIMEOUT_SECONDS,
            check=False,
        )

    return program


@pytest.fixture
def caracal(tmp_path: Path, preloaded: Preloaded, program):
    """Run the program with nothing but the given environment; return what it printed."""

    def caracal(*arguments: str, environment: Mapping[str, str] | None = None):
        environment = environment or {}
        if "PYTHONPATH" in environment:  # it is to find code that is not loaded yet
            return program(*arguments, environment=environment)
        data = {"CARACAL_DATA_DIR": str(tmp_path / "data")}
        return preloaded.run(arguments, tmp_path, data | environment)

    return caracal


@pytest.fixture
def caracal_at(caracal, storage_config, storage_environment):
    """Run ``caracal`` against each store; expect an exit code, return what it printed."""

    def run(*arguments: str, code: int = 0) -> str:
        ended = caracal(*arguments, environment=storage_environment(storage_config))
        assert (ended.returncode, ended.stderr == "") == (code, code == 0), ended.stderr
        assert "Traceback" not in ended.stderr
        return ended.stderr if code else ended.stdout

    return run
