"""One timer per connection meets every deadline: never early, and late by one tick at most."""

import asyncio
from time import monotonic

import pytest

from caracal_core.edge.limits import Limits
from caracal_core.edge.watch import Watch

SHORT = Limits(
    header_seconds=0.05, keep_alive_seconds=0.05, pace_seconds=0.05, write_stall_seconds=0.05
)


class Looks:
    """Remembers when the watch looked."""

    def __init__(self, limits):
        self.times = []
        self.rang = asyncio.Event()
        self.then = lambda: None
        self.watch = Watch(asyncio.get_running_loop(), limits, self.look)

    def look(self):
        self.times.append(monotonic())
        self.then()
        self.rang.set()

    async def until(self, due):
        """Wait until it looked at or after ``due``."""
        async with asyncio.timeout(10):
            while not self.times or self.times[-1] < due:
                self.rang.clear()
                await self.rang.wait()


@pytest.mark.parametrize("side", ["read_until", "write_until"])
async def test_a_deadline_shorter_than_the_usual_ones_is_met(side):
    looks = Looks(Limits())
    due = monotonic() + 0.02
    getattr(looks.watch, side)(due)
    await looks.until(due)
    looks.watch.end()


async def test_a_later_deadline_does_not_hide_an_earlier_one():
    looks = Looks(Limits())
    soon = monotonic() + 0.02
    looks.watch.read_until(soon)
    looks.watch.write_until(soon + 100)
    await looks.until(soon)
    looks.watch.end()


async def test_a_deadline_set_while_looking_is_met():
    looks = Looks(SHORT)
    dues = []

    def once():
        if not dues:
            dues.append(monotonic() + 0.01)
            looks.watch.read_until(dues[0])
            looks.watch.write_until(dues[0] + 100)

    looks.then = once
    async with asyncio.timeout(10):
        await looks.rang.wait()
    await looks.until(dues[0])
    looks.watch.end()


async def test_usual_deadlines_arm_no_timer():
    """A request sets its deadlines on the timer that is armed already."""
    looks = Looks(Limits())
    timer = looks.watch._timer
    for _ in range(3):
        looks.watch.read_until(monotonic() + Limits().header_seconds)
        looks.watch.read_until(monotonic() + Limits().keep_alive_seconds)
    assert looks.watch._timer is timer
    looks.watch.end()


async def test_it_looks_regularly_without_any_deadline():
    looks = Looks(SHORT)
    await looks.until(monotonic() + 0.1)
    assert len(looks.times) >= 2
    looks.watch.end()


async def test_it_ends_from_within_a_look():
    looks = Looks(SHORT)
    looks.then = looks.watch.end
    async with asyncio.timeout(10):
        await looks.rang.wait()
    assert looks.watch._timer.cancelled()
