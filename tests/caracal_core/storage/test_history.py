"""The table of applied steps says what a database has, lacks, and has from a newer version."""

import pytest

from caracal_core.errors import Failure
from caracal_core.ports import Migrations
from caracal_core.storage.database import open_database
from caracal_core.storage.history import Step, behind, prepare, shipped, status
from caracal_core.storage.migrations import CORE

OURS = shipped(CORE.directory)


@pytest.fixture
def plugin(tmp_path):
    for name in ("10_later.py", "2_sooner.py", "notes.py", "3_x.txt", "__init__.py"):
        (tmp_path / name).write_text("")
    return Migrations("plugin", "plugin.models", str(tmp_path))


def test_steps_are_files_in_the_order_of_their_numbers(plugin):
    assert list(shipped(plugin.directory)) == ["2_sooner", "10_later"]


def test_the_core_ships_steps_that_count_up_from_zero():
    assert [int(name.split("_")[0]) for name in OURS] == list(range(len(OURS)))


async def test_of_a_blank_database_everything_is_pending(blank_config, plugin):
    async with open_database(blank_config) as database:
        lacking = await behind(database, [plugin])
    assert lacking == [*(f"caracal/{name}" for name in OURS), "plugin/2_sooner", "plugin/10_later"]


async def test_a_migrated_database_lacks_nothing(database):
    assert await behind(database) == []
    assert await status(database) == [Step("caracal", name, "applied") for name in OURS]


async def test_each_plugin_has_a_history_of_its_own(database, plugin):
    await database.execute(
        "INSERT INTO aerich (version, app, content) VALUES ('2_sooner.py', 'plugin', '{}')"
    )
    assert await behind(database, [plugin]) == ["plugin/10_later"]


async def test_a_step_of_a_newer_version_is_unknown_and_no_lack(database):
    """Old gateways keep serving while a deployment rolls."""
    await database.execute(
        "INSERT INTO aerich (version, app, content) VALUES ('999_new.py', 'caracal', '{}')"
    )
    assert (await status(database))[-1] == Step("caracal", "999_new", "unknown")
    assert await behind(database) == []


async def test_preparing_may_be_repeated_and_keeps_what_is_there(database):
    await prepare(database)
    await prepare(database)
    assert await behind(database) == []


async def test_preparing_a_blank_database_makes_the_table_and_nothing_else(blank_config):
    async with open_database(blank_config) as database:
        await prepare(database)
        assert await database.fetch("SELECT * FROM aerich") == []
        assert len(await behind(database)) == len(OURS)


async def test_a_role_that_may_not_make_tables_is_told_so(postgresql):
    with postgresql.database() as config:
        postgresql.sql("ALTER SCHEMA public OWNER TO postgres", database=config.name)
        async with open_database(config) as database:
            with pytest.raises(Failure, match=r"GRANT CREATE ON SCHEMA .* TO caracal"):
                await prepare(database)
