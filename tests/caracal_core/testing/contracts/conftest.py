"""What lets a contract be tried on parts that break it."""

import inspect
import itertools

import pytest


@pytest.fixture
def fails():
    """Say whether one of a contract's tests fails, for any of its parameters.

    The fixtures are made afresh for each: ``make()`` returns them by name.
    """

    async def run(contract, test, make):
        method = getattr(contract(), test)
        for case in _cases(method):
            given = make()
            given.update(case)
            try:
                wanted = {name: given[name] for name in inspect.signature(method).parameters}
                await method(**wanted)
            except (Exception, pytest.fail.Exception):  # noqa: BLE001 - a faulty part raises anything
                return True
        return False

    return run


def _cases(method):
    """Yield the arguments that each combination of parametrize marks gives the method."""
    marks = [mark for mark in getattr(method, "pytestmark", ()) if mark.name == "parametrize"]
    for chosen in itertools.product(*(mark.args[1] for mark in marks)):
        case = {}
        for mark, values in zip(marks, chosen, strict=True):
            names = mark.args[0]
            named = [names] if isinstance(names, str) else names
            case.update(zip(named, values if len(named) > 1 else [values], strict=True))
        yield case
