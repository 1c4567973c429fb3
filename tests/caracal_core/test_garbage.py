"""The collector's own figures tell what it looks through."""

import gc

import pytest

from caracal_core.garbage import collect_no_more, collect_rarely, spare_what_stays


@pytest.fixture(autouse=True)
def _pythons_own_rule():
    thresholds, frozen = gc.get_threshold(), gc.get_freeze_count()
    gc.unfreeze()
    gc.collect()
    gc.set_threshold(700, 10, 10)
    yield
    gc.set_threshold(*thresholds)
    gc.unfreeze()
    gc.collect()
    if frozen:
        gc.freeze()


class Garbage:
    """Is in a cycle, so that only the collector finds it."""

    def __init__(self, found: list[int]) -> None:
        self.own = self
        self.found = found

    def __del__(self) -> None:
        self.found.append(1)


def test_it_looks_more_rarely_and_still_looks():
    before = gc.get_threshold()
    collect_rarely()
    assert gc.isenabled()
    assert all(now > was for now, was in zip(gc.get_threshold(), before, strict=True))


def test_what_stays_is_spared_and_what_was_garbage_already_is_not():
    found: list[int] = []
    Garbage(found)
    spare_what_stays()
    assert found
    assert gc.isenabled()
    assert gc.get_freeze_count() > len(gc.get_objects())


def test_at_the_end_it_looks_at_nothing():
    found: list[int] = []
    Garbage(found)
    collect_no_more()
    gc.collect()
    assert not found
