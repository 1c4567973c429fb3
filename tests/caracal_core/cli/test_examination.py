"""A house is furnished, wired and read for without being opened; all faults are told at once."""

import asyncio
import json
import os

import pytest

from caracal_core.assembly import discovery
from caracal_core.assembly.masking import Masking
from caracal_core.assembly.wiring import routes_of
from caracal_core.cli.demo.token import make_key
from caracal_core.cli.examination import examine
from caracal_core.config.load import load
from caracal_core.config.problems import SeveralMisconfigured
from caracal_core.config.sources import locate
from caracal_core.errors import Misconfigured


@pytest.fixture
def configuration(tmp_path):
    """Write a configuration that would serve, but for what the test changes."""
    make_key(tmp_path / "jwt.pem")

    def configure(**changes):
        said = {
            "tls": {"mode": "off"},
            "database": {"data_dir": str(tmp_path / "data")},
            "auth_jwt": {"public_key_path": str(tmp_path / "jwt.pem")},
            "upstreams": {"u": {"url": "http://u.example"}},
            "routes": [{"id": "r", "path": "/r/", "upstream": "u"}],
            "policies": [{"id": "p", "effect": "permit", "agents": ["*"], "routes": ["r"]}],
        } | changes
        file = tmp_path / "caracal.yaml"
        file.write_text(json.dumps(said))
        return load(locate({}, str(file)).read(), discovery)

    return configure


async def test_what_holds_is_furnished_and_nothing_is_left_of_the_examination(
    configuration, tmp_path
):
    before = asyncio.all_tasks()
    furnishings = await examine(configuration(), Masking())
    assert set(routes_of(furnishings)) == {"r"}
    assert asyncio.all_tasks() == before
    assert not (tmp_path / "data").exists()


async def test_secrets_that_were_read_are_masked_from_then_on(configuration, tmp_path):
    (tmp_path / "key").write_text("sk-hunter2")
    headers = {"X-Key": {"secret_file": str(tmp_path / "key")}}
    masking = Masking()
    upstreams = {"u": {"url": "http://u.example", "headers": headers}}
    await examine(configuration(upstreams=upstreams), masking)
    assert masking.mask("it is sk-hunter2") == "it is ***"


async def test_faults_of_the_wiring_the_plugins_and_core_come_together(configuration):
    broken = configuration(
        policies=[],
        auth_jwt={"public_key_path": "/nowhere.pem"},
        operations={"token_file": "/nowhere"},
    )
    with pytest.raises(SeveralMisconfigured) as refused:
        await examine(broken, Masking())
    first, *others = [problem.where for problem in refused.value.problems]
    assert "policies" in first
    assert [place.split()[0] for place in others] == [
        "auth_jwt.public_key_path",
        "operations.token_file",
    ]


async def test_without_files_none_is_looked_for(configuration):
    elsewhere = configuration(
        auth_jwt={"public_key_path": "/nowhere.pem"},
        operations={"token_file": "/nowhere"},
        database={"data_dir": "/proc/nowhere"},
        tls={"mode": "on"},
    )
    assert await examine(elsewhere, Masking(), files=False)


@pytest.mark.parametrize("key", ["hash_key_file", "signing_key_file", "token_file", "key_file"])
async def test_a_pipe_in_the_place_of_cores_own_file_does_not_hang_the_start(
    configuration, tmp_path, monkeypatch, key
):
    """Nobody writes to it, and whoever opens it waits for ever: its thread, not the start."""
    monkeypatch.setattr("caracal_core.cli.examination.READ_SECONDS", 0.2)
    os.mkfifo(tmp_path / "pipe")
    pipe = str(tmp_path / "pipe")
    changes = {
        "hash_key_file": {"database": {"data_dir": str(tmp_path / "data"), key: pipe}},
        "signing_key_file": {"database": {"data_dir": str(tmp_path / "data"), key: pipe}},
        "token_file": {"operations": {key: pipe}},
        "key_file": {"tls": {"mode": "on", "cert_file": pipe, key: pipe}},
    }[key]
    with pytest.raises(Misconfigured, match="reading it takes longer than"):
        await examine(configuration(**changes), Masking())
    with open(pipe, "r+b", buffering=0):  # noqa: PTH123, ASYNC230 - so that the threads end
        pass
