"""All files of all plugins are read, and everything that is wrong is told at once."""

import asyncio

import pytest

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


@pytest.mark.parametrize("raised", [KeyError("s3cret"), SystemExit("s3cret")])
async def test_whatever_a_reader_raises_is_a_fault_of_its_plugin(raised):
    with pytest.raises(Misconfigured) as told:
        await read_files([brings("acme", Odd(raised))])
    assert f"plugin acme: reading its files raised {type(raised).__name__}" in str(told.value)
    assert "s3cret" not in str(told.value)


async def test_a_reader_that_hangs_is_given_up(monkeypatch):
    monkeypatch.setattr(reading, "READ_SECONDS", 0.01)
    with pytest.raises(Misconfigured, match="plugin acme: reading its files takes longer"):
        await read_files([brings("acme", Odd(None))])
