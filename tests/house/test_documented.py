"""Everything public says what it promises, in its own place or where it is declared."""

import importlib
import inspect
from types import FunctionType
from typing import Protocol

import pytest

from caracal_core.hooks import Hooks


@pytest.fixture
def imported(source, root):
    """Import a source file."""
    path = source.relative_to(root).with_suffix("")
    parts = path.parts[3:] if path.parts[0] == "plugins" else path.parts
    return importlib.import_module(".".join(parts).removesuffix(".__init__"))


def test_every_module_says_what_it_is(imported):
    assert (imported.__doc__ or "").strip()


def test_everything_public_says_what_it_promises(imported):
    own = [each for each in _public(imported) if each.__module__ == imported.__name__]
    assert not [each.__qualname__ for each in own if not each.__doc__]
    methods = [(each, name) for each in own if inspect.isclass(each) for name in _methods(each)]
    assert not [f"{each.__name__}.{name}" for each, name in methods if not _promised(each, name)]


def _public(imported):
    values = [value for name, value in vars(imported).items() if not name.startswith("_")]
    return [value for value in values if inspect.isclass(value) or inspect.isfunction(value)]


def _methods(kind):
    """Return the names of the public methods and properties that a class defines itself."""
    kinds = FunctionType | property | classmethod | staticmethod
    own = vars(kind).items()
    return [name for name, value in own if isinstance(value, kinds) and not name.startswith("_")]


def _promised(kind, name):
    """Return whether a method is documented here, or declared in a base class, port or hook."""
    declared = [vars(Hooks), _verbs(), *map(vars, kind.__mro__[1:])]
    return bool(inspect.getdoc(getattr(kind, name))) or any(name in names for names in declared)


def _verbs():
    """Return every name that a Protocol declares."""
    kinds = [Protocol]
    for kind in kinds:
        kinds.extend(kind.__subclasses__())
    return {name for kind in kinds if vars(kind).get("_is_protocol") for name in vars(kind)}
