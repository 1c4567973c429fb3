"""Runs ``caracal`` as people do: a process of its own, in a directory of its own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

PROGRAM = Path(sys.executable).with_name("caracal")
TIMEOUT_SECONDS = 60


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
def caracal(tmp_path: Path, preloaded, program):
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
