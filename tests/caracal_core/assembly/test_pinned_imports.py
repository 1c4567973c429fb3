"""A plugin pinned by digest runs its judged files alone: no other path, no cached bytecode."""

from __future__ import annotations

import importlib
import py_compile
import sys
from importlib.metadata import distribution
from pathlib import Path

import pytest

from caracal_core.assembly.discovery import discover
from caracal_core.assembly.pinned_imports import import_only
from caracal_core.assembly.pins import Pin, check_pin, files_digest
from caracal_core.config.core import Selection
from caracal_core.errors import Misconfigured

EVIL = "raise SystemExit('evil was run')"
LATE = "\n\ndef late():\n    import acme_parts.late\n    return acme_parts.late.WORD\n"


@pytest.fixture(autouse=True)
def imports(packages):
    """Give the test runner its own modules back, wherever they came from."""
    before = set(sys.modules)
    importlib.invalidate_caches()
    yield
    for name in set(sys.modules) - before:
        if name.startswith(("acme", "shared")):
            del sys.modules[name]


@pytest.fixture
def evil(packages, tmp_path, monkeypatch):
    """A directory that comes before the installed packages on the path."""
    directory = tmp_path / "evil"
    directory.mkdir()
    packages.add("unused")
    monkeypatch.syspath_prepend(directory)
    return directory


@pytest.fixture
def record(packages):
    """Write further files of a distribution, and record them."""

    def record(files, name="acme"):
        for path, text in files.items():
            (packages.directory / path).parent.mkdir(exist_ok=True, parents=True)
            (packages.directory / path).write_text(text)
        info = packages.directory / f"{name}-1.0.0.dist-info" / "RECORD"
        info.write_text(info.read_text() + "".join(f"{path},,\n" for path in files))

    return record


def pin_of(name="acme"):
    return Pin(name, "1.0.0", files_digest(distribution(name)) or "")


def enable(pin):
    chosen = discover(Selection(auth_mode=(), plugins=[str(pin)]))
    return sys.modules[chosen[0].plugin_class.__module__]


def keep_to_acme():
    there = distribution("acme")
    return import_only(there, check_pin(pin_of(), there), "plugin acme")


def test_a_module_of_the_same_name_earlier_on_the_path_is_not_taken(packages, evil):
    module = packages.add("acme")
    (evil / "acme_module.py").write_text(EVIL)
    assert enable(pin_of()).__file__ == str(module)


def test_cached_bytecode_is_not_run_though_it_has_the_sources_time_and_size(packages, tmp_path):
    module = packages.add("acme")
    pin, there = pin_of(), module.stat()
    other = tmp_path / "other.py"
    other.write_text("EVIL = True\n" + module.read_text())
    cached = Path(importlib.util.cache_from_source(str(module)))
    py_compile.compile(str(other), str(cached))
    header = b"".join(int(n).to_bytes(4, "little") for n in (there.st_mtime, there.st_size))
    content = cached.read_bytes()
    cached.write_bytes(content[:8] + header + content[16:])
    assert not hasattr(enable(pin), "EVIL")
    assert cached.read_bytes()[16:] == content[16:]


def test_a_module_imported_late_comes_from_its_judged_file_as_well(packages, evil, record):
    module = packages.add("acme")
    record({module.name: module.read_text() + LATE, "acme_parts/__init__.py": ""})
    record({"acme_parts/late.py": "WORD = 'judged'"})
    (evil / "acme_parts").mkdir()
    (evil / "acme_parts" / "__init__.py").write_text(EVIL)
    assert enable(pin_of()).late() == "judged"


def test_a_file_changed_after_it_was_judged_is_not_run(packages, record):
    packages.add("acme")
    record({"acme_parts/__init__.py": "", "acme_parts/late.py": ""})
    keep_to_acme()
    (packages.directory / "acme_parts" / "late.py").write_text(EVIL)
    with pytest.raises(ImportError, match=r"late\.py was changed after it was compared"):
        importlib.import_module("acme_parts.late")


@pytest.mark.parametrize("path", ["acme_parts/stowaway.py", "acme_parts/stowaway.pyc"])
def test_a_file_laid_beside_the_recorded_ones_is_not_run(packages, record, path):
    packages.add("acme")
    record({"acme_parts/__init__.py": ""})
    keep_to_acme()
    (packages.directory / path).write_text(EVIL)
    with pytest.raises(ModuleNotFoundError, match="no file of the pinned plugin"):
        importlib.import_module("acme_parts.stowaway")


def test_a_shared_folder_may_have_no_code_and_others_parts_of_it_are_found(packages, evil, record):
    packages.add("acme")
    record({"shared/acme/__init__.py": "WORD = 'judged'"})
    keep_to_acme()
    (evil / "shared").mkdir()
    (evil / "shared" / "another.py").write_text("")
    assert importlib.import_module("shared.acme").WORD == "judged"
    assert importlib.import_module("shared.another")
    for name in ("shared", "shared.acme", "shared.another"):
        del sys.modules[name]
    (evil / "shared" / "__init__.py").write_text(EVIL)
    importlib.invalidate_caches()
    with pytest.raises(ModuleNotFoundError, match="should have no code of its own"):
        importlib.import_module("shared.acme")


def test_a_changed_shared_library_is_not_loaded(packages, record):
    packages.add("acme")
    suffix = importlib.machinery.EXTENSION_SUFFIXES[0]
    record({f"acme_native{suffix}": "judged"})
    keep_to_acme()
    (packages.directory / f"acme_native{suffix}").write_text("another")
    with pytest.raises(ImportError, match="was changed after it was compared"):
        importlib.import_module("acme_native")


def test_what_is_in_memory_already_from_elsewhere_is_refused(packages):
    packages.add("acme")
    importlib.import_module("acme_module")
    with pytest.raises(Misconfigured, match="acme_module is in memory already"):
        enable(pin_of())


def test_the_same_pin_again_changes_nothing(packages):
    """Every live reload looks at all plugins anew."""
    packages.add("acme")
    first = enable(pin_of())
    finders = sys.meta_path[:]
    assert enable(pin_of()) is first
    assert sys.meta_path == finders


def test_an_entry_point_into_another_package_cannot_be_pinned(packages, evil):
    packages.add("acme")
    (evil / "acme_elsewhere.py").write_text(EVIL)
    entries = packages.directory / "acme-1.0.0.dist-info" / "entry_points.txt"
    entries.write_text("[caracal.plugins]\nacme = acme_elsewhere:ThePlugin\n")
    with pytest.raises(Misconfigured, match="acme_elsewhere is no file of acme"):
        enable(pin_of())


def test_what_a_pinned_plugin_requires_is_found_as_ever(packages, evil):
    (evil / "acme_dependency.py").write_text("WORD = 'theirs'")
    module = packages.add("acme")
    module.write_text("from acme_dependency import WORD\n" + module.read_text())
    assert enable(pin_of()).WORD == "theirs"
