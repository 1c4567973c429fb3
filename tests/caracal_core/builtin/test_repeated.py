"""A chore is done for as long as its plugin is open, and fails in the log alone."""

import asyncio
import logging

from caracal_core.builtin.repeated import repeated
from caracal_core.errors import Failure
from caracal_core.storage.errors import SchemaBehind

LOG = logging.getLogger("test.repeated")


class Chore:
    """Fails, then breaks, then works; says when it was done three times."""

    def __init__(self):
        self.done = 0
        self.thrice = asyncio.Event()

    async def __call__(self):
        self.done += 1
        if self.done == 1:
            raise Failure("store", "down")
        if self.done == 2:
            raise ZeroDivisionError
        if self.done == 3:
            self.thrice.set()


async def test_a_chore_is_done_at_once_and_again_though_it_fails(caplog):
    """A failure is a line in the log, a fault comes with its place."""
    chore = Chore()
    async with asyncio.timeout(10), repeated("chore", chore, 0.001, LOG):
        await chore.thrice.wait()
    messages = [record.getMessage() for record in caplog.records]
    assert messages[0] == "chore: not possible now: store: down"
    assert caplog.records[1].exc_info


async def test_a_schema_that_is_behind_is_not_told_by_every_chore(caplog):
    """The start and readiness tell it, once for all; at DEBUG it is there."""
    caplog.set_level(logging.DEBUG)
    told = asyncio.Event()

    async def chore():
        if caplog.records:
            told.set()
        raise SchemaBehind("no such table")

    async with asyncio.timeout(10), repeated("chore", chore, 0.001, LOG):
        await told.wait()
    record = next(each for each in caplog.records if each.name == LOG.name)
    assert (record.levelno, "no such table" in record.getMessage()) == (logging.DEBUG, True)


async def test_leaving_ends_the_chore():
    """No task is left behind."""
    chore = Chore()
    async with asyncio.timeout(10), repeated("chore", chore, 0.001, LOG):
        await chore.thrice.wait()
    assert "chore" not in {task.get_name() for task in asyncio.all_tasks()}
