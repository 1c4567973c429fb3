"""Every module has its twin among the tests, and every test file says what it proves."""

import ast
from pathlib import Path


def test_every_module_has_its_twin(module, root):
    twin = _twin(module.relative_to(root))
    assert (root / twin).is_file(), f"write {twin}"


def test_a_package_only_names_things(package, syntax):
    """What an ``__init__`` defined would have no twin to prove it."""
    kinds = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
    assert not [node.name for node in syntax(package).body if isinstance(node, kinds)]


def test_every_test_of_the_core_belongs_to_a_module(core_test, root):
    """``test_gateway_order.py`` belongs to ``gateway.py``; an orphan outlived its module."""
    path = core_test.relative_to(root / "tests")
    modules = {module.stem for module in (root / path).parent.iterdir()}
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
