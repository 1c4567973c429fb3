"""The tree that the house tests look over, file by file and function by function."""

import ast
from fnmatch import fnmatch
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = sorted([*ROOT.glob("caracal_core/**/*.py"), *ROOT.glob("plugins/*/src/**/*.py")])
TESTS = sorted([*ROOT.glob("tests/**/*.py"), *ROOT.glob("plugins/*/tests/**/*.py")])
OTHERS = sorted([*ROOT.glob("*.py"), *ROOT.glob("bench/**/*.py")])
WITHOUT_TWIN = {
    "*/__init__.py": "names only: test_a_package_only_names_things sees to it",
    "*/__main__.py": "two lines, run by the end-to-end tests",
    "*/migrations/*": "data: every file is run by the tests of `db migrate`",
}


def _matching(pattern, paths):
    return [path for path in paths if fnmatch(path.relative_to(ROOT).as_posix(), pattern)]


FILES = {
    "sources": SOURCES,
    "packages": _matching("*/__init__.py", SOURCES),
    "modules": [s for s in SOURCES if not any(_matching(each, [s]) for each in WITHOUT_TWIN)],
    "eager_modules": [s for s in SOURCES if not _matching("caracal_core/cli/*", [s])],
    "test_files": TESTS,
    "core_tests": _matching("tests/caracal_core/*test_*.py", TESTS),
    "python_files": SOURCES + TESTS + OTHERS,
}
"""Which files a test may look over, by what it calls them."""


@pytest.fixture(scope="session")
def root():
    """The root of the tree."""
    return ROOT


@pytest.fixture(scope="session")
def offences():
    """Return what is wrong with which files: those of a kind of which a rule says something.

    One test a rule rather than one a file: there are thousands of pairs, and whoever mends wants
    the whole list.
    """

    def offences(kind, rule):
        said = {path.relative_to(ROOT).as_posix(): rule(path) for path in FILES[kind]}
        return {name: wrong for name, wrong in said.items() if wrong}

    return offences


@pytest.fixture(scope="session")
def syntax():
    """Parse a file, once."""
    return cache(lambda path: ast.parse(path.read_text(), str(path)))
