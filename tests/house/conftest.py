"""The tree that the house tests look over, file by file and function by function."""

import ast
from fnmatch import fnmatch
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
    "source": SOURCES,
    "package": _matching("*/__init__.py", SOURCES),
    "module": [s for s in SOURCES if not any(_matching(each, [s]) for each in WITHOUT_TWIN)],
    "eager_module": [s for s in SOURCES if not _matching("caracal_core/cli/*", [s])],
    "test_file": TESTS,
    "core_test": _matching("tests/caracal_core/*test_*.py", TESTS),
    "python_file": SOURCES + TESTS + OTHERS,
}
"""Which files a test is given in turn, by the name of its argument."""


def pytest_generate_tests(metafunc):
    for name in FILES.keys() & set(metafunc.fixturenames):
        ids = [str(path.relative_to(ROOT)) for path in FILES[name]]
        metafunc.parametrize(name, FILES[name], ids=ids)


@pytest.fixture(scope="session")
def root():
    """The root of the tree."""
    return ROOT


@pytest.fixture(scope="session")
def syntax():
    """Parse a file."""
    return lambda path: ast.parse(path.read_text(), str(path))
