"""A file is made new or not at all, and never has more rights than it should for a moment."""

import os
import stat

import pytest

from caracal_core.cli.new_files import PRIVATE, PUBLIC, make_private_directory, there, write_new


def rights(path):
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture(autouse=True)
def _generous_umask():
    """A umask that takes nothing away would show whatever is left to it."""
    before = os.umask(0)
    yield
    os.umask(before)


def test_a_file_has_its_rights_and_content(tmp_path):
    for mode in (PRIVATE, PUBLIC):
        path = tmp_path / str(mode)
        write_new(path, b"content", mode)
        assert (path.read_bytes(), rights(path)) == (b"content", mode)


@pytest.mark.parametrize("kind", ["file", "dangling link"])
def test_what_is_there_is_left_alone(tmp_path, kind):
    path = tmp_path / "key"
    if kind == "file":
        path.write_text("old")
    else:
        path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(FileExistsError):
        write_new(path, b"new", PRIVATE)
    assert there(tmp_path, {"key": 1, "other": 2}) == ["key"]
    assert not (tmp_path / "elsewhere").exists()


def test_a_directory_is_private_and_an_existing_one_is_left_alone(tmp_path):
    make_private_directory(tmp_path / "new")
    assert rights(tmp_path / "new") == 0o700
    (tmp_path / "old").mkdir(0o755)
    make_private_directory(tmp_path / "old")
    assert rights(tmp_path / "old") == 0o755
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="file"):
        make_private_directory(tmp_path / "file")
