"""The contracts run in an author's own project, under the runner that is used there."""

import subprocess
import sys
from importlib.util import find_spec

import pytest

MODULE = """
import pytest

from caracal_core.testing.contracts import ReplayGuardContract, UpstreamContract
from caracal_core.testing.fakes import FakeReplayGuard, FakeUpstream


class TestGuard(ReplayGuardContract):
    @pytest.fixture
    async def replay_guard(self):
        yield FakeReplayGuard()


class TestUpstream(UpstreamContract):
    @pytest.fixture
    async def far_side(self):
        return FakeUpstream()

    @pytest.fixture
    def upstream(self, far_side):
        return far_side


class TestForgetful(ReplayGuardContract):
    @pytest.fixture
    def replay_guard(self):
        class Forgetful:
            async def claim(self, nonce):
                return True

        return Forgetful()
"""
RUNNERS = {
    "pytest_asyncio": (
        "-pno:sanic -pno:anyio -oasyncio_mode=auto -oasyncio_default_fixture_loop_scope=function"
    ),
    "anyio": "-pno:sanic -pno:asyncio -oanyio_mode=auto",
    "pytest_sanic": "-pno:asyncio -pno:anyio",
}


@pytest.mark.parametrize("runner", RUNNERS)
def test_the_contracts_pass_and_fail_under_it(tmp_path, runner):
    """What keeps a contract passes, what breaks it fails, and assertions explain themselves."""
    if find_spec(runner) is None:
        pytest.skip(f"{runner} is not installed")
    (tmp_path / "test_mine.py").write_text(MODULE)
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    options = ["-q", "-pno:cacheprovider", *RUNNERS[runner].split()]
    command = [sys.executable, "-m", "pytest", *options]
    done = subprocess.run(  # noqa: S603 - our own interpreter
        command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    )
    failed = {line for line in done.stdout.splitlines() if line.startswith(("FAILED", "ERROR"))}
    assert failed
    assert not [line for line in failed if "::TestForgetful::" not in line]
    assert "where 50 = " in done.stdout, "assertions of the contracts are rewritten"
