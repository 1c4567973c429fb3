"""All files of all plugins are read, and everything that is wrong is told at once."""

import asyncio
from contextlib import suppress

import pytest

from caracal_core import reading as core_reading
from caracal_core.assembly import reading
from caracal_core.assembly.furnishing import Furnishing
from caracal_core.assembly.reading import read_files
from caracal_core.config.problems import SeveralMisconfigured
from caracal_core.errors import Misconfigured
from caracal_core.plugin import Config, Plugin
from caracal_core.testing.fakes import TrivialFileReader, deny


class Odd:
    def __init__(self, raised):
        self.raised = raised

    async def read(self):
        if self.raised is None:
            await asyncio.Event().wait()
        raise self.raised


def brings(name, *readers):
    plugin = Plugin(Config())
    return Furnishing(name, False, plugin, lambda: plugin.lifespan(None), files=readers)


async def test_every_file_is_read():
    journal = []
    await read_files([brings("a", TrivialFileReader(journal=journal)), brings("b")] * 2)
    assert journal == ["read", "read"]


async def test_all_faults_are_told_and_one_by_itself_as_it_is():
    with pytest.raises(Misconfigured, match=r"^test\.file: it does not exist\. Mount it\.$"):
        await read_files([brings("a", TrivialFileReader(deny))])
    other = Misconfigured("other.file", "is empty", "Fill it.")
    with pytest.raises(SeveralMisconfigured) as raised:
        await read_files([brings("a", TrivialFileReader(deny)), brings("b", Odd(other))])
    assert [problem.where for problem in raised.value.problems] == ["test.file", "other.file"]


@pytest.mark.parametrize("kind", [KeyError, SystemExit, asyncio.CancelledError])
async def test_whatever_a_reader_raises_is_a_fault_of_its_plugin(kind):
    with pytest.raises(Misconfigured) as told:
        await read_files([brings("acme", Odd(kind("s3cret")))])
    assert f"plugin acme: reading its files raised {kind.__name__}" in str(told.value)
    assert "s3cret" not in str(told.value)


async def test_a_reader_that_hangs_is_given_up(monkeypatch):
    monkeypatch.setattr(reading, "READ_SECONDS", 0.01)
    with pytest.raises(Misconfigured, match="plugin acme: reading its files takes longer"):
        await read_files([brings("acme", Odd(None))])


async def test_files_are_read_side_by_side():
    """Two that wait for one another: one after the other, neither would end."""
    met = asyncio.Barrier(2)

    class Meets:
        async def read(self):
            async with asyncio.timeout(20):
                await met.wait()

    await read_files([brings("a", Meets()), brings("b", Meets())])


async def test_files_take_turns_and_those_that_hang_take_nobody_s(monkeypatch):
    monkeypatch.setattr(reading, "AT_ONCE", 2)
    monkeypatch.setattr(reading, "READ_SECONDS", 20)
    inside, most, free = 0, 0, asyncio.Event()

    class Counts:
        async def read(self):
            nonlocal inside, most
            inside += 1
            most = max(most, inside)
            await asyncio.sleep(0)
            inside -= 1

    class Hangs:
        async def read(self):
            await free.wait()

    class Frees:
        async def read(self):
            free.set()

    await read_files([brings("a", *[Counts()] * 9)])
    assert most == 2
    async with asyncio.timeout(20):
        await read_files([brings("a", Hangs(), Hangs(), Hangs(), Frees())])


async def test_those_that_hang_make_room_together_and_not_one_by_one(monkeypatch):
    """Else a thousand of them would be waited for a thousand times."""
    monkeypatch.setattr(reading, "AT_ONCE", 4)
    monkeypatch.setattr(reading, "TURN_SECONDS", 0.01)
    monkeypatch.setattr(reading, "READ_SECONDS", 0.5)
    waits, wait = [], reading._not_hanging

    async def counted(busy):
        waits.append(len(busy))
        return await wait(busy)

    monkeypatch.setattr(reading, "_not_hanging", counted)
    with pytest.raises(SeveralMisconfigured):
        await read_files([brings("a", *[Odd(None)] * 12)])
    assert waits == [4, 4]


async def test_whoever_is_cancelled_leaves_no_read_behind():
    before = asyncio.all_tasks()
    task = asyncio.create_task(read_files([brings("a", Odd(None), Odd(None))]))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled()
    assert asyncio.all_tasks() == before


async def test_a_reader_that_swallows_its_cancellation_is_left_to_itself(monkeypatch):
    """Else it would hold up every later change of the configuration, and the stop."""
    monkeypatch.setattr(reading, "READ_SECONDS", 0.01)
    monkeypatch.setattr(core_reading, "CANCEL_SECONDS", 0.01)
    free = asyncio.Event()

    class Stubborn:
        async def read(self):
            while not free.is_set():
                with suppress(asyncio.CancelledError):
                    await free.wait()

    before = asyncio.all_tasks()
    async with asyncio.timeout(20):
        with pytest.raises(Misconfigured, match="plugin acme: reading its files takes longer"):
            await read_files([brings("acme", Stubborn())])
        (left,) = asyncio.all_tasks() - before
        free.set()
        await asyncio.wait([left])
