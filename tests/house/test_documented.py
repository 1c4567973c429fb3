"""Everything public says what it promises, in its own place or where it is declared."""

import importlib
import inspect
from types import FunctionType
from typing import Protocol

import pytest

from caracal_core.hooks import Hooks


@pytest.fixture(scope="session")
def imported(root):
    """Import a source file."""

    def imported(path):
        parts = path.relative_to(root).with_suffix("").parts
        parts = parts[3:] if parts[0] == "plugins" else parts
        return importlib.import_module(".".join(parts).removesuffix(".__init__"))

    return imported


def test_every_module_says_what_it_is(offences, imported):
    def silent(path):
        return None if (imported(path).__doc__ or "").strip() else "no docstring"

    assert not offences("sources", silent)


def test_everything_public_says_what_it_promises(offences, imported):
    declared = [vars(Hooks), _verbs()]

    def silent(path):
        module = imported(path)
        own = [each for each in _public(module) if each.__module__ == module.__name__]
        kinds = [each for each in own if inspect.isclass(each)]
        methods = [(kind, name) for kind in kinds for name in _methods(kind)]
        return [each.__qualname__ for each in own if not each.__doc__] + [
            f"{kind.__name__}.{name}"
            for kind, name in methods
            if not _promised(kind, name, declared)
        ]

    assert not offences("sources", silent)


def _public(imported):
    values = [value for name, value in vars(imported).items() if not name.startswith("_")]
    return [value for value in values if inspect.isclass(value) or inspect.isfunction(value)]


def _methods(kind):
    """Return the names of the public methods and properties that a class defines itself."""
    kinds = FunctionType | property | classmethod | staticmethod
    own = vars(kind).items()
    return [name for name, value in own if isinstance(value, kinds) and not name.startswith("_")]


def _promised(kind, name, declared):
    """Return whether a method is documented here, or declared in a base class, port or hook."""
    declared = [*declared, *map(vars, kind.__mro__[1:])]
    return bool(inspect.getdoc(getattr(kind, name))) or any(name in names for names in declared)


def _verbs():
    """Return every name that a Protocol declares."""
    kinds = [Protocol]
    for kind in kinds:
        kinds.extend(kind.__subclasses__())
    return {name for kind in kinds if vars(kind).get("_is_protocol") for name in vars(kind)}
