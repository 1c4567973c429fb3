"""The fake clock: it moves when told, and measured time never goes back."""

import pytest

from caracal_core.testing.fakes import FakeClock


def test_it_stands_still():
    clock = FakeClock(100.0)
    assert (clock.now(), clock.now()) == (100.0, 100.0)


def test_advancing_moves_both_readings():
    clock = FakeClock(100.0)
    clock.advance(2.5)
    assert (clock.now(), clock.monotonic()) == (102.5, 2.5)


def test_time_does_not_advance_backwards():
    with pytest.raises(ValueError, match="does not go back"):
        FakeClock().advance(-1)


def test_setting_the_wall_clock_leaves_measured_time_alone():
    clock = FakeClock(100.0)
    clock.advance(5)
    clock.set(50.0)
    assert (clock.now(), clock.monotonic()) == (50.0, 5.0)
