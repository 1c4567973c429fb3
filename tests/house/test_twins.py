"""Every module has its twin among the tests, and every test file says what it proves."""

import ast
from fnmatch import fnmatch
from pathlib import Path

import pytest

WITHOUT_TWIN = {
    "*/migrations/*": "data: every file is run by the tests of `db migrate`",
    "*/__init__.py": "names only: test_a_package_only_names_things sees to it",
    "*/__main__.py": "two lines, run by the end-to-end tests",
}


def test_every_module_has_its_twin(source, root):
    path = source.relative_to(root)
    if any(fnmatch(path.as_posix(), pattern) for pattern in WITHOUT_TWIN):
        pytest.skip("excepted, with its reason")
    assert (root / _twin(path)).is_file(), f"{path} wants {_twin(path)}"


def test_a_package_only_names_things(source, syntax):
    """What an ``__init__`` defined would have no twin to prove it."""
    if source.name != "__init__.py":
        pytest.skip("no package")
    kinds = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
    assert not [node.name for node in syntax(source).body if isinstance(node, kinds)]


def test_every_test_of_the_core_belongs_to_a_module(test_file, root):
    """``test_gateway_order.py`` belongs to ``gateway.py``; an orphan outlived its module."""
    path = test_file.relative_to(root)
    if path.parts[:2] != ("tests", "caracal_core") or not path.name.startswith("test_"):
        pytest.skip("no test of one module")
    home = root.joinpath(*path.parts[1:-1])
    modules = {module.stem for module in home.iterdir()}
    words = path.stem.removeprefix("test_").split("_")
    assert modules & {"_".join(words[:count]) for count in range(1, len(words) + 1)}


def test_every_test_file_says_what_it_proves(test_file, syntax):
    docstring = ast.get_docstring(syntax(test_file))
    assert docstring
    assert docstring.splitlines()[0].endswith((".", ":"))


def _twin(path):
    """Return where the tests of a module belong."""
    if path.parts[0] == "plugins":
        _, name, _, _, *folders, file = path.parts
        return Path("plugins", name, "tests", *folders, f"test_{file}")
    return "tests" / path.with_name(f"test_{path.name}")
