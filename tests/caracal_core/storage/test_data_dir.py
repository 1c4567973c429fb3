"""The embedded store's directory is private and has one server at a time."""

import stat
import subprocess
import sys
from pathlib import Path

import pytest

from caracal_core.errors import Misconfigured
from caracal_core.storage.data_dir import (
    check_usable,
    database_file,
    file_lock,
    is_there,
    make_private,
    sole_server,
)


def test_directory_and_file_are_made_private(tmp_path):
    path = database_file(tmp_path / "data")
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_file_that_is_there_is_kept(tmp_path):
    database_file(tmp_path).write_text("kept")
    assert database_file(tmp_path).read_text() == "kept"


def test_a_place_that_cannot_be_used_is_named_with_its_mend(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(Misconfigured) as refused:
        database_file(tmp_path / "file")
    assert refused.value.where == "CARACAL_DATA_DIR"
    assert str(tmp_path / "file") in refused.value.what
    assert "DB_HOST" in refused.value.mend


def test_a_second_server_is_refused_until_the_first_has_left(tmp_path):
    with sole_server(tmp_path), pytest.raises(Misconfigured, match="another gateway"):
        sole_server(tmp_path).__enter__()
    with sole_server(tmp_path):
        pass


def test_errors_of_the_server_itself_are_not_taken_for_a_lock(tmp_path):
    with pytest.raises(BlockingIOError), sole_server(tmp_path):
        raise BlockingIOError


def test_the_lock_of_a_killed_process_is_free(tmp_path):
    program = f"""
import pathlib, sys, time
from caracal_core.storage.data_dir import sole_server
with sole_server(pathlib.Path({str(tmp_path)!r})):
    print("serving", flush=True)
    sys.stdin.read()
"""
    with subprocess.Popen(  # noqa: S603 - this interpreter
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as server:
        assert server.stdout.readline() == b"serving\n"
        with pytest.raises(Misconfigured):
            sole_server(tmp_path).__enter__()
        server.kill()
    with sole_server(tmp_path):
        pass


def test_a_file_lock_is_taken_by_one(tmp_path):
    with file_lock(tmp_path / "lock") as one, file_lock(tmp_path / "lock") as two:
        assert one()
        assert not two()
    with file_lock(tmp_path / "lock") as three:
        assert three()


def test_a_private_file_is_made_whole_and_only_once(tmp_path):
    path = tmp_path / "data" / "secret"
    make_private(path, b"first")
    make_private(path, b"second")
    assert path.read_bytes() == b"first"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [each.name for each in path.parent.iterdir()] == ["secret"]


def test_of_two_that_find_no_private_file_at_once_one_makes_it(tmp_path, monkeypatch):
    """Each looked before the other had made it."""
    monkeypatch.setattr(Path, "exists", lambda _: False)
    path = tmp_path / "secret"
    make_private(path, b"first")
    make_private(path, b"second")
    assert path.read_bytes() == b"first"


def test_a_private_file_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(Misconfigured, match="CARACAL_DATA_DIR"):
        make_private(tmp_path / "file" / "secret", b"")


UNSEARCHABLE = "x" * 300
"""As a directory without the right to look into it, for the superuser too."""


def test_a_file_is_there_or_not_or_nobody_may_look(tmp_path):
    make_private(tmp_path / "secret", b"")
    assert is_there(tmp_path / "secret")
    assert not is_there(tmp_path / "other" / "secret")
    with pytest.raises(Misconfigured, match="CARACAL_DATA_DIR"):
        is_there(tmp_path / UNSEARCHABLE / "secret")


@pytest.mark.parametrize("directory", ["", "data", "as/yet/unmade"])
def test_a_usable_directory_is_found_so_and_left_as_it_was(tmp_path, directory):
    database_file(tmp_path / "data")
    before = sorted(tmp_path.rglob("*"))
    check_usable(tmp_path / directory)
    assert sorted(tmp_path.rglob("*")) == before


def test_a_relative_directory_is_looked_for_where_the_command_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    check_usable(Path("data/inner"))
    assert list(tmp_path.iterdir()) == []


def test_an_unusable_directory_is_named_before_it_is_used(tmp_path):
    """A file in its place, a place where nobody can make one, a database that is none."""
    (tmp_path / "file").write_text("")
    (tmp_path / "data" / "caracal.db").mkdir(parents=True)
    for directory in (tmp_path / "file", tmp_path / "data", Path("/proc/nowhere")):
        with pytest.raises(Misconfigured) as refused:
            check_usable(directory)
        assert refused.value.where == "CARACAL_DATA_DIR"
        assert str(directory) in refused.value.what
