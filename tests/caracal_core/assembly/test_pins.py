"""A pin says exactly what may be loaded; what differs from it is refused before it is imported."""

from __future__ import annotations

from importlib.metadata import distribution

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caracal_core.assembly.pins import Pin, check_pin, files_digest, parse_pin
from caracal_core.errors import Misconfigured

DIGEST = "0123456789abcdef" * 4


@pytest.mark.parametrize(
    ("text", "pin"),
    [
        ("acme", Pin("acme")),
        ("acme==1.2.0", Pin("acme", "1.2.0")),
        (f"acme==1.2.0@sha256:{DIGEST}", Pin("acme", "1.2.0", DIGEST)),
    ],
)
def test_forms(text, pin):
    assert parse_pin(text, "plugins[0]") == pin
    assert str(pin) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a b",
        "acme>=1",
        "acme==",
        "acme==1 ",
        f"acme@sha256:{DIGEST}",
        "acme==1@sha256:short",
        f"acme==1@sha256:{DIGEST.upper()}",
        f"acme==1@md5:{DIGEST}",
        "../acme",
        "x" * 65,
    ],
)
def test_anything_else_is_refused(text):
    with pytest.raises(Misconfigured, match=r"plugins\[3\]: .* is not the name of a plugin"):
        parse_pin(text, "plugins[3]")


@given(st.from_regex(r"[a-z_]{1,9}", fullmatch=True), st.from_regex(r"[0-9.]{1,9}", fullmatch=True))
def test_what_is_written_is_read_again(name, version):
    pin = Pin(name, version, DIGEST)
    assert parse_pin(str(pin), "plugins") == pin


def test_the_pinned_version_and_files_pass(packages):
    packages.add("acme", version="1.2.0")
    there = distribution("acme")
    check_pin(Pin("acme"), there)
    check_pin(Pin("acme", "1.2.0", files_digest(there) or ""), there)


def test_another_version_is_refused(packages):
    packages.add("acme", version="1.2.1")
    with pytest.raises(Misconfigured, match=r"version 1\.2\.0, but acme 1\.2\.1 is installed"):
        check_pin(Pin("acme", "1.2.0"), distribution("acme"))


def test_changed_files_are_refused(packages):
    module = packages.add("acme")
    pin = Pin("acme", "1.0.0", files_digest(distribution("acme")) or "")
    module.write_text(module.read_text() + "\n# changed behind our back\n")
    with pytest.raises(Misconfigured, match="are not the pinned ones"):
        check_pin(pin, distribution("acme"))


def test_a_changed_entry_point_is_refused(packages):
    packages.add("acme")
    pin = Pin("acme", "1.0.0", files_digest(distribution("acme")) or "")
    entries = packages.directory / "acme-1.0.0.dist-info" / "entry_points.txt"
    entries.write_text(entries.read_text() + "other = other:Plugin\n")
    with pytest.raises(Misconfigured, match="are not the pinned ones"):
        check_pin(pin, distribution("acme"))


def test_the_digest_is_the_same_however_it_was_installed(packages):
    """The installer's own notes and compiled files differ from machine to machine."""
    packages.add("acme")
    before = files_digest(distribution("acme"))
    info = packages.directory / "acme-1.0.0.dist-info"
    notes = ("INSTALLER", "REQUESTED", "../__pycache__/acme_module.cpython-311.pyc")
    (info / "INSTALLER").write_text("pip")
    (info / "REQUESTED").write_text("")
    record = info / "RECORD"
    lines = [f"acme-1.0.0.dist-info/{name},," for name in notes]
    record.write_text("\n".join([*lines, "../bin/acme,,", record.read_text()]))
    assert before is not None
    assert files_digest(distribution("acme")) == before


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("direct_url.json", '{"dir_info": {"editable": true}, "url": "file:///x"}'),
        ("RECORD", "acme_module.py,,\ngone.py,,\n"),
    ],
)
def test_what_cannot_be_counted_cannot_be_pinned_by_digest(packages, name, text):
    """A development installation records none of its sources; a missing file counts nothing."""
    packages.add("acme")
    (packages.directory / "acme-1.0.0.dist-info" / name).write_text(text)
    there = distribution("acme")
    assert files_digest(there) is None
    check_pin(Pin("acme", "1.0.0"), there)
    with pytest.raises(Misconfigured, match="files of acme cannot be counted"):
        check_pin(Pin("acme", "1.0.0", DIGEST), there)


@pytest.mark.parametrize("text", ["not json", "[]", '{"dir_info": 3}'])
def test_a_malformed_origin_is_no_development_installation(packages, text):
    packages.add("acme", extra={"direct_url.json": text})
    assert files_digest(distribution("acme")) is not None
