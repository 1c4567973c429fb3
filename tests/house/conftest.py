"""The tree that the house tests look over, file by file and function by function."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = sorted([*ROOT.glob("caracal_core/**/*.py"), *ROOT.glob("plugins/*/src/**/*.py")])
TESTS = sorted([*ROOT.glob("tests/**/*.py"), *ROOT.glob("plugins/*/tests/**/*.py")])
OTHERS = sorted([*ROOT.glob("*.py"), *ROOT.glob("bench/**/*.py")])


def pytest_generate_tests(metafunc):
    """Give a test each file in turn: ``source``, ``test_file``, or ``python_file`` for any."""
    files = {"source": SOURCES, "test_file": TESTS, "python_file": SOURCES + TESTS + OTHERS}
    for name in files.keys() & set(metafunc.fixturenames):
        paths = files[name]
        metafunc.parametrize(name, paths, ids=[str(path.relative_to(ROOT)) for path in paths])


@pytest.fixture(scope="session")
def root():
    """The root of the tree."""
    return ROOT


@pytest.fixture(scope="session")
def syntax():
    """Parse a file."""
    return lambda path: ast.parse(path.read_text(), str(path))
