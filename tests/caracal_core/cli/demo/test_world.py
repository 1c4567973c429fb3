"""The demo's files: a configuration that holds, a key, and a token that is its owner's alone."""

from pathlib import Path

import pytest

from caracal_core.assembly import discovery
from caracal_core.cli.demo.world import make_world
from caracal_core.config.load import load
from caracal_core.config.sources import locate

README = Path(__file__).parents[4] / "README.md"


@pytest.fixture
def world(tmp_path):
    return make_world(tmp_path / "new", 4711)


def test_the_configuration_holds_and_listens_on_this_machine_alone(world):
    loaded = load(locate({}, str(world.config)).read(), discovery)
    assert (str(loaded.core.listen), str(loaded.core.operations.listen)) == (
        "127.0.0.1:8443",
        "127.0.0.1:9090",
    )
    assert loaded.core.database.data_dir == world.directory


def test_readme_names_the_same_address(world):
    listen = load(locate({}, str(world.config)).read(), discovery).core.listen
    assert f"http://{listen}" in README.read_text()


def test_only_the_owner_reads_the_token(world):
    assert world.token_file.stat().st_mode & 0o777 == 0o600
    assert world.directory.stat().st_mode & 0o777 == 0o700


def test_what_stands_in_the_directory_is_left_alone(tmp_path):
    (tmp_path / "caracal.yaml").write_text("mine")
    make_world(tmp_path, 4711)
    assert (tmp_path / "caracal.yaml").read_text() == "mine"


def test_a_later_demo_replaces_an_earlier_ones_files(tmp_path):
    first = make_world(tmp_path, 4711).token_file.read_text()
    second = make_world(tmp_path, 4712)
    assert second.token_file.read_text() != first
    assert "4712" in second.config.read_text()
