"""Mounted files are read whole, within limits, and as one state while Kubernetes swaps them."""

from __future__ import annotations

import itertools
import os
from pathlib import Path
from threading import Event, Thread

import pytest

from caracal_core.config.mounted import read_file, read_settings
from caracal_core.errors import Misconfigured


class ConfigMap:
    """A directory as the kubelet lays it out: links through ..data, which moves as a whole."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._count = 0

    def write(self, **settings: str) -> None:
        self._count += 1
        state = self.directory / f"..2026_{self._count}"
        state.mkdir(parents=True)
        for key, value in settings.items():
            (state / key).write_text(value)
        moving = self.directory / "..data_tmp"
        moving.symlink_to(state.name)
        moving.rename(self.directory / "..data")
        for key in settings:
            if not (self.directory / key).is_symlink():
                (self.directory / key).symlink_to(f"..data/{key}")
        old = self.directory / f"..2026_{self._count - 1}"
        for path in old.glob("*"):
            path.unlink()
        if old.exists():
            old.rmdir()


@pytest.fixture
def mounted(tmp_path):
    return ConfigMap(tmp_path / "settings")


def test_a_mounted_configmap_is_read_by_key(mounted):
    mounted.write(DB_HOST="postgres\n", LOG_LEVEL="INFO")
    assert read_settings(mounted.directory, required=True) == {
        "DB_HOST": "postgres",
        "LOG_LEVEL": "INFO",
    }


def test_a_key_that_left_the_configmap_is_gone(mounted):
    """The kubelet removes the link later than it moves ..data."""
    mounted.write(DB_HOST="postgres", LOG_LEVEL="INFO")
    mounted.write(LOG_LEVEL="INFO")
    assert read_settings(mounted.directory, required=True) == {"LOG_LEVEL": "INFO"}


def test_a_swap_is_never_read_half(mounted):
    """However the swap falls, what is read is one state or the other: all keys, of one time."""
    mounted.write(**{f"KEY_{n}": "0" for n in range(20)})
    stop = Event()

    def swap():
        state = 0
        while not stop.is_set():
            state += 1
            mounted.write(**{f"KEY_{n}": str(state) for n in range(20)})

    swapping = Thread(target=swap)
    swapping.start()
    try:
        seen = [_read(mounted.directory) for _ in range(300)]
    finally:
        stop.set()
        swapping.join()
    whole = [settings for settings in seen if settings is not None]
    assert whole
    assert all(len(settings) == 20 for settings in whole)
    assert all(len(set(settings.values())) == 1 for settings in whole)


def _read(directory):
    try:
        return read_settings(directory, required=True)
    except Misconfigured:
        return None  # swapped at each attempt


def test_a_swap_behind_the_first_file_is_read_again(mounted, monkeypatch):
    """The kubelet removes the old state once ..data has moved, whoever is reading it."""
    mounted.write(A="old", B="old")
    opened, swaps = Path.open, iter([True])

    def swap_first(path, *arguments, **options):
        file = opened(path, *arguments, **options)
        if next(swaps, False):
            mounted.write(A="new", B="new")
        return file

    monkeypatch.setattr(Path, "open", swap_first)
    assert read_settings(mounted.directory, required=True) == {"A": "new", "B": "new"}


def test_a_state_that_is_being_removed_is_not_taken_for_whole(mounted, monkeypatch):
    """A key that the kubelet has removed already would be a default in silence."""
    mounted.write(A="old", B="old")
    state = (mounted.directory / "..data").resolve()
    listed, swaps = Path.iterdir, iter([True])

    def swap_first(path):
        if next(swaps, False):
            mounted.write(A="new", B="new")
            state.mkdir()
            (state / "B").write_text("old")
        return listed(path)

    monkeypatch.setattr(Path, "iterdir", swap_first)
    assert read_settings(mounted.directory, required=True) == {"A": "new", "B": "new"}


def test_a_directory_that_never_stands_still_is_refused(mounted, monkeypatch):
    mounted.write(A="0")
    resolve, count = Path.resolve, itertools.count()

    def moved(path):
        return resolve(path).with_name(f"..{next(count)}")

    monkeypatch.setattr(Path, "resolve", moved)
    with pytest.raises(Misconfigured, match="changes while it is read"):
        read_settings(mounted.directory, required=True)


def test_plain_files_are_read_and_hidden_ones_and_directories_are_not(tmp_path):
    (tmp_path / "LOG_LEVEL").write_text("INFO\r\n")
    (tmp_path / "EMPTY").write_text("")
    (tmp_path / ".hidden").write_text("x")
    (tmp_path / "directory").mkdir()
    assert read_settings(tmp_path, required=True) == {"LOG_LEVEL": "INFO", "EMPTY": ""}


def test_only_the_last_newline_is_stripped(tmp_path):
    (tmp_path / "KEY").write_text("a\n\n")
    assert read_settings(tmp_path, required=True) == {"KEY": "a\n"}


def test_what_need_not_exist_is_empty(tmp_path):
    assert read_settings(tmp_path / "none", required=False) == {}
    assert read_file(tmp_path / "none", required=False) is None


@pytest.mark.parametrize("read", [read_settings, read_file])
def test_what_must_exist_is_missed(tmp_path, read):
    with pytest.raises(Misconfigured, match="none: does not exist"):
        read(tmp_path / "none", required=True)


def test_a_file_of_too_many_bytes_is_refused(tmp_path):
    path = tmp_path / "caracal.yaml"
    path.write_bytes(b"#" * (1 << 20))
    assert len(read_file(path, required=True) or b"") == 1 << 20
    path.write_bytes(b"#" * ((1 << 20) + 1))
    with pytest.raises(Misconfigured, match="larger than 1,048,576 bytes"):
        read_file(path, required=True)


def test_a_setting_of_too_many_bytes_is_refused(tmp_path):
    (tmp_path / "KEY").write_bytes(b"x" * ((1 << 16) + 1))
    with pytest.raises(Misconfigured, match="KEY: is larger than 65,536 bytes"):
        read_settings(tmp_path, required=True)


def test_too_many_settings_are_refused(tmp_path):
    for number in range(1001):
        (tmp_path / f"KEY_{number}").touch()
    with pytest.raises(Misconfigured, match="more than 1000 files"):
        read_settings(tmp_path, required=True)


def test_a_setting_that_is_no_text_is_refused_without_its_content(tmp_path):
    (tmp_path / "KEY").write_bytes(b"hunter2\xff")
    with pytest.raises(Misconfigured, match="KEY: is not UTF-8") as caught:
        read_settings(tmp_path, required=True)
    assert "hunter2" not in str(caught.value)


def test_a_pipe_is_refused_instead_of_waited_for(tmp_path):
    os.mkfifo(tmp_path / "KEY")
    with pytest.raises(Misconfigured, match="KEY: is not a file"):
        read_settings(tmp_path, required=True)
    with pytest.raises(Misconfigured, match="KEY: is not a file"):
        read_file(tmp_path / "KEY", required=True)


def test_a_file_in_place_of_the_directory_is_refused(tmp_path):
    (tmp_path / "settings").touch()
    with pytest.raises(Misconfigured, match="cannot be read: not a directory"):
        read_settings(tmp_path / "settings", required=False)


def test_a_circle_of_links_is_refused(tmp_path):
    (tmp_path / "KEY").symlink_to("KEY")
    with pytest.raises(Misconfigured, match="KEY"):
        read_file(tmp_path / "KEY", required=False)
