"""The places are found by the command line's word first; one reading takes all of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from caracal_core.config.sources import FILE, SETTINGS_DIRECTORY, locate
from caracal_core.errors import Misconfigured


def test_the_usual_places_need_not_exist():
    sources = locate({})
    assert (sources.file, sources.settings_directory) == (FILE, SETTINGS_DIRECTORY)
    assert not sources.file_required
    assert not sources.settings_required


def test_the_command_line_names_the_file_before_the_environment():
    environment = {"CARACAL_CONFIG": "/b.yaml"}
    assert locate(environment, "/a.yaml").file == Path("/a.yaml")
    assert locate(environment).file == Path("/b.yaml")
    assert locate({"CARACAL_CONFIG": ""}).file == FILE


def test_a_named_file_must_exist(tmp_path):
    with pytest.raises(Misconfigured, match=r"none\.yaml: does not exist"):
        locate({}, str(tmp_path / "none.yaml")).read()


def test_a_named_directory_must_exist(tmp_path):
    with pytest.raises(Misconfigured, match="none: does not exist"):
        locate({"CARACAL_SETTINGS_DIR": str(tmp_path / "none")}).read()


def test_one_reading_takes_all(tmp_path):
    (tmp_path / "caracal.yaml").write_text("log_level: INFO")
    (tmp_path / "settings").mkdir()
    (tmp_path / "settings" / "LOG_LEVEL").write_text("DEBUG\n")
    environment = {"CARACAL_SETTINGS_DIR": str(tmp_path / "settings"), "A": "b"}
    seen = locate(environment, str(tmp_path / "caracal.yaml"), {"listen": ":1"}).read()
    assert seen.document == b"log_level: INFO"
    assert seen.settings == {"LOG_LEVEL": "DEBUG"}
    assert seen.environment == environment
    assert seen.overrides == {"listen": ":1"}


def test_the_environment_is_taken_once():
    """What a process does to its environment later changes no configuration."""
    environment = {"A": "b"}
    sources = locate(environment)
    environment["A"] = "c"
    assert sources.read().environment == {"A": "b"}


def test_the_digest_follows_what_may_change(tmp_path):
    path = tmp_path / "caracal.yaml"
    path.write_text("a: 1")
    sources = locate({}, str(path))
    first = sources.read().digest
    assert sources.read().digest == first
    path.write_text("a: 2")
    assert sources.read().digest != first


def test_no_secret_is_in_the_repr(tmp_path):
    (tmp_path / "DB_PASSWORD").write_text("hunter2")
    sources = locate(
        {"CARACAL_SETTINGS_DIR": str(tmp_path), "DB_PASSWORD": "hunter2"}, None, {"x": "hunter2"}
    )
    assert "hunter2" not in repr(sources) + repr(sources.read())
