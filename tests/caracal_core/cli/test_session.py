"""A command's session: the configuration it points at, and its store, opened and closed."""

from __future__ import annotations

import click
import pytest
from click.testing import CliRunner

from caracal_core.cli.options import configurable
from caracal_core.cli.session import load_configuration, run, selection, sources
from caracal_core.errors import Failure, Misconfigured


@pytest.fixture
def within(sqlite_config, monkeypatch):
    """Do something within the context of a command; return what it gave."""

    def within(work, *arguments):
        monkeypatch.setenv("CARACAL_DATA_DIR", str(sqlite_config.data_dir))
        given = []

        @click.command()
        @click.pass_context
        def command(ctx):
            given.append(work(ctx))

        result = CliRunner().invoke(configurable(command), arguments)
        if result.exception:
            raise result.exception
        return given[0]

    return within


def test_the_configuration_is_the_one_the_command_line_points_at(within, tmp_path):
    path = tmp_path / "other.yaml"
    path.write_text("log_level: ERROR")
    assert within(load_configuration, "--config", str(path)).core.log_level == "ERROR"
    assert within(load_configuration, "--set", "log_level=DEBUG").core.log_level == "DEBUG"
    assert within(sources, "--config", str(path)).file == path


def test_the_choice_of_plugins_is_read_by_itself(within, tmp_path):
    """Whatever else the configuration says, and whether the plugins are there or not."""
    path = tmp_path / "caracal.yaml"
    path.write_text("{auth_mode: nowhere, plugins: [acme], rutes: []}")
    chosen = within(selection, "--config", str(path))
    assert (chosen.auth_mode, chosen.plugins) == (("nowhere",), ("acme",))


def test_the_work_gets_the_open_store_and_its_result_comes_back(within):
    async def work(database, loaded):
        (row,) = await database.fetch("SELECT count(*) AS n FROM accounts")
        return row["n"], loaded.core.database.embedded

    assert within(lambda ctx: run(ctx, work)) == (0, True)


def test_the_store_is_closed_afterwards(within):
    async def work(database, _loaded):
        return database

    database = within(lambda ctx: run(ctx, work))

    async def again(*_):
        await database.fetch("SELECT 1")

    with pytest.raises(Failure):
        within(lambda ctx: run(ctx, again))


def test_what_the_work_raises_is_raised(within):
    async def work(_database, _loaded):
        raise Misconfigured("key", "is wrong", "Correct it.")

    with pytest.raises(Misconfigured, match="key: is wrong"):
        within(lambda ctx: run(ctx, work))
