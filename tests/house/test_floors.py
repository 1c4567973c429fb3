"""The floors of the house: who may import whom, by import-linter and, exactly, by hand."""

import ast
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def floors(root):
    """The table that import-linter reads."""
    return tomllib.loads((root / "pyproject.toml").read_text())["tool"]["importlinter"]


def test_every_floor_keeps_to_its_contract(root):
    """In a process of its own: import-linter switches every logger of its process off."""
    program = str(Path(sys.executable).parent / "lint-imports")
    done = subprocess.run(  # noqa: S603 - the linter beside this interpreter
        [program, "--no-cache"], cwd=root, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout


def test_every_package_of_the_tree_is_looked_at(floors, root):
    """A plugin that import-linter does not know could import what it likes."""
    packages = {path.parent.name for path in root.glob("plugins/*/src/*/__init__.py")}
    assert set(floors["root_packages"]) == {"caracal_core", *packages}
    contracts = {contract["name"]: contract for contract in floors["contracts"]}
    assert set(contracts["Plugins never import each other"]["modules"]) == packages
    (sees,) = (contract for name, contract in contracts.items() if name.startswith("Plugins see"))
    assert set(sees["source_modules"]) == packages


def test_the_nouns_are_made_of_the_standard_library_and_msgspec(root, syntax):
    for path in (root / "caracal_core" / "domain").glob("*.py"):
        names = {name for name, _ in _imports(syntax(path))}
        strangers = {n.partition(".")[0] for n in names if not n.startswith("caracal_core.domain")}
        assert strangers <= {*sys.stdlib_module_names, "msgspec"}, path.name


def test_imports_stand_at_the_top(offences, syntax):
    """Only the command line puts them off, to start fast; elsewhere it would hide a knot."""

    def late(path):
        return [f"{name}, line {line}" for name, line in _imports(syntax(path), top=False)]

    assert not offences("eager_modules", late)


def _imports(tree, top=True):
    """Yield the modules that a file imports, at its top or within functions, and the lines."""
    late = {
        id(node)
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        for node in ast.walk(function)
    }
    for node in ast.walk(tree):
        if (id(node) in late) == top:
            continue
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ".", node.lineno
