"""The specification is the manual: every hook has the same rooms, and is tried by a test."""

import inspect
import re

import pytest

from caracal_core.assembly.inspection import HOOKS
from caracal_core.hooks import Hooks

ROOMS = ("When", "Rule", "Default")


@pytest.fixture(params=HOOKS)
def hook(request):
    """Each hook in turn."""
    return request.param


def _docstring(hook):
    return inspect.cleandoc(getattr(Hooks, hook).__doc__)


def _arguments(hook):
    return [name for name in inspect.signature(getattr(Hooks, hook)).parameters if name != "self"]


def _room(hook, name):
    """Return the lines of one section of the docstring."""
    found = re.search(rf"^{name}:\n((?:    .*\n?)+)", _docstring(hook), re.MULTILINE)
    return inspect.cleandoc(found.group(1)).splitlines() if found else []


def test_it_has_the_same_rooms_as_every_other(hook):
    lines = _docstring(hook).splitlines()
    starts = [line.partition(":")[0] for line in lines if line.startswith(ROOMS)]
    assert starts == list(ROOMS)


def test_its_arguments_are_documented_exactly(hook):
    documented = [line.partition(":")[0] for line in _room(hook, "Args") if line[0] != " "]
    assert documented == _arguments(hook)


def test_what_it_returns_is_documented(hook):
    returns = inspect.signature(getattr(Hooks, hook)).return_annotation
    assert bool(_room(hook, "Returns")) == (returns != "None")


def test_its_first_line_is_one_sentence(hook):
    assert re.fullmatch(r"[A-Z].*\.", _docstring(hook).splitlines()[0])


def test_it_is_tried_by_a_test(hook, root):
    """Named in one at least, outside of this folder."""
    tests = [*root.glob("tests/**/test_*.py"), *root.glob("plugins/*/tests/**/test_*.py")]
    texts = [path.read_text() for path in tests if path.parent != root / "tests" / "house"]
    assert any(re.search(rf"\b{hook}\b", text) for text in texts)
