"""Every module has its twin among the tests, and every test file says what it proves."""

import ast
from pathlib import Path


def test_every_module_has_its_twin(offences, root):
    def missing(path):
        twin = _twin(path.relative_to(root))
        return None if (root / twin).is_file() else f"write {twin}"

    assert not offences("modules", missing)


def test_a_package_only_names_things(offences, syntax):
    """What an ``__init__`` defined would have no twin to prove it."""
    kinds = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef

    def defined(path):
        return [node.name for node in syntax(path).body if isinstance(node, kinds)]

    assert not offences("packages", defined)


def test_every_test_of_the_core_belongs_to_a_module(offences, root):
    """``test_gateway_order.py`` belongs to ``gateway.py``; an orphan outlived its module."""

    def orphan(path):
        path = path.relative_to(root / "tests")
        modules = {module.stem for module in (root / path).parent.iterdir()}
        words = path.stem.removeprefix("test_").split("_")
        names = {"_".join(words[:count]) for count in range(1, len(words) + 1)}
        return None if modules & names else "no module bears its name"

    assert not offences("core_tests", orphan)


def test_every_test_file_says_what_it_proves(offences, syntax):
    def silent(path):
        first = (ast.get_docstring(syntax(path)) or "").partition("\n")[0]
        return None if first.endswith((".", ":")) else "no sentence at its top"

    assert not offences("test_files", silent)


def _twin(path):
    """Return where the tests of a module belong."""
    if path.parts[0] == "plugins":
        _, name, _, _, *folders, file = path.parts
        return Path("plugins", name, "tests", *folders, f"test_{file}")
    return "tests" / path.with_name(f"test_{path.name}")
