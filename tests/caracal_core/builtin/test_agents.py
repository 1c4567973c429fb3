"""The directory is at most two seconds out of date, bounded, and fails rather than guesses."""

import asyncio

import pytest

from caracal_core.builtin.agents import StoredDirectory
from caracal_core.domain import Agent
from caracal_core.errors import Failure
from caracal_core.ports import AgentDirectory
from caracal_core.recent import FRESH_SECONDS
from caracal_core.storage.accounts import enable, path, register
from caracal_core.storage.database import open_database
from caracal_core.testing.fakes import FakeClock


class Counting:
    """A database that counts what is asked of it."""

    def __init__(self, database):
        self._database, self.dialect, self.asked = database, database.dialect, 0

    async def fetch(self, sql, *arguments):
        self.asked += 1
        return await self._database.fetch(sql, *arguments)


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
async def counting(database):
    await register(database, "acme", kind="group")
    await register(database, "team", kind="group", parent="acme")
    await register(database, "agent", parent="team")
    return Counting(database)


@pytest.fixture
def directory(counting, clock):
    return StoredDirectory(counting, clock)


def test_it_is_a_directory(clock):
    assert isinstance(StoredDirectory(None, clock), AgentDirectory)


async def test_an_agent_is_found_with_its_whole_path_by_one_query(directory, counting):
    assert await directory.find("agent") == Agent("agent", True, ("agent", "team", "acme"))
    assert counting.asked == 1


async def test_strangers_groups_and_nonsense_are_not_found(directory):
    for name in ("stranger", "team", "Agent", "agent ", "a\x00b", "", "x" * 129):
        assert await directory.find(name) is None


async def test_an_answer_serves_for_two_seconds_and_no_longer(directory, counting, clock, database):
    await directory.find("agent")
    await enable(database, "agent", enabled=False)
    clock.advance(FRESH_SECONDS - 0.001)
    assert (await directory.find("agent")).enabled
    assert counting.asked == 1
    clock.advance(0.001)
    assert not (await directory.find("agent")).enabled
    assert FRESH_SECONDS <= 2


async def test_a_wall_clock_that_is_set_back_keeps_no_answer_alive(directory, clock, database):
    await directory.find("agent")
    await enable(database, "agent", enabled=False)
    clock.set(0)
    clock.advance(FRESH_SECONDS)
    assert not (await directory.find("agent")).enabled


async def test_a_newly_registered_agent_is_found_within_two_seconds(directory, clock, database):
    assert await directory.find("newcomer") is None
    await register(database, "newcomer")
    clock.advance(FRESH_SECONDS)
    assert (await directory.find("newcomer")).name == "newcomer"


@pytest.mark.parametrize("above", ["agent", "team", "acme"])
async def test_disabling_any_account_of_the_path_disables_the_agent(directory, database, above):
    await enable(database, above, enabled=False)
    assert not (await directory.find("agent")).enabled


async def test_unknown_names_are_remembered_too(directory, counting):
    await directory.find("stranger")
    await directory.find("stranger")
    assert counting.asked == 1


async def test_a_flood_of_unknown_names_neither_grows_nor_displaces_agents(directory, counting):
    directory._recent._others_max = 5
    await directory.find("agent")
    for number in range(20):
        await directory.find(f"stranger-{number}")
    assert len(directory._recent._others) == 5
    asked = counting.asked
    await directory.find("agent")
    assert counting.asked == asked


async def test_the_memory_of_agents_is_bounded(directory, database):
    directory._recent._good_max = 3
    for number in range(6):
        await register(database, f"agent-{number}")
        assert await directory.find(f"agent-{number}")
    assert list(directory._recent._good) == ["agent-3", "agent-4", "agent-5"]


async def test_a_newcomer_is_registered_below_the_configured_parent(counting, clock, database):
    directory = StoredDirectory(database, clock, "register", "team")
    assert await directory.find("newcomer") == Agent("newcomer", True, ("newcomer", "team", "acme"))
    assert [account.name for account in await path(database, "newcomer")][1] == "team"


async def test_a_newcomer_without_a_parent_pays_alone(clock, database):
    directory = StoredDirectory(database, clock, "register")
    assert await directory.find("newcomer") == Agent("newcomer", True, ("newcomer",))


async def test_nonsense_and_groups_are_not_admitted(counting, clock, database):
    directory = StoredDirectory(database, clock, "register")
    assert await directory.find("a b") is None
    assert await directory.find("team") is None


async def test_many_gateways_admit_a_newcomer_once(clock, database):
    directories = [StoredDirectory(database, clock, "register") for _ in range(10)]
    found = await asyncio.gather(*(directory.find("newcomer") for directory in directories))
    assert found == [Agent("newcomer", True, ("newcomer",))] * 10


async def test_an_unknown_parent_of_newcomers_is_a_failure_that_names_it(clock, database):
    directory = StoredDirectory(database, clock, "register", "nowhere")
    with pytest.raises(Failure, match="'nowhere' is not registered"):
        await directory.find("newcomer")


async def test_a_store_that_is_down_is_a_failure_even_for_known_agents(
    directory, clock, counting, storage_config
):
    await directory.find("agent")
    async with open_database(storage_config) as closed:
        pass
    counting._database = closed
    clock.advance(FRESH_SECONDS)
    for name in ("agent", "stranger"):
        with pytest.raises(Failure):
            await directory.find(name)
