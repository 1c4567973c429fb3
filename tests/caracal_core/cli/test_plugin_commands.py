"""Enabled plugins add their commands, never over one that exists."""

from __future__ import annotations

from types import MappingProxyType

import click
import pytest

from caracal_core.cli.plugin_commands import LentCommandLine, commands_of
from caracal_core.config.core import CoreConfig
from caracal_core.config.enabled import Enabled
from caracal_core.config.load import Loaded
from caracal_core.domain import HashKey
from caracal_core.errors import Misconfigured
from caracal_core.plugin import Config, Plugin, hookimpl
from caracal_core.storage.accounts import listing, register


class Acme(Plugin):
    @hookimpl
    def commands(self, cli):
        cli.add_command(click.Command("dig"))


class Named(Plugin):
    @hookimpl
    def commands(self, cli):
        cli.add_command(click.Command(self.name))


class Silent(Plugin):
    def __init__(self, config):
        raise AssertionError("nobody asked for it")


class Broken(Plugin):
    @hookimpl
    def commands(self, cli):
        raise ZeroDivisionError("x")


def loaded(**plugins):
    enabled = tuple(Enabled(name, each, "made-up", "1") for name, each in plugins.items())
    sections = MappingProxyType({name: Config() for name in plugins})
    return Loaded(CoreConfig(), enabled, sections, (), (), "")


def test_commands_are_collected():
    assert set(commands_of(loaded(acme=Acme), ["check"])) == {"dig"}


def test_a_plugin_knows_its_name_while_it_adds_them():
    """Its commands ask for services by it."""
    assert set(commands_of(loaded(acme=Named), ["check"])) == {"acme"}


def test_a_plugin_without_commands_is_not_constructed():
    assert commands_of(loaded(silent=Silent), ["check"]) == {}


@pytest.mark.parametrize(("plugins", "taken"), [(["a"], ["dig"]), (["a", "b"], [])])
def test_a_command_that_exists_is_refused(plugins, taken):
    """Whether it is core's own or another plugin's."""
    with pytest.raises(Misconfigured, match="it adds the command dig, which exists already"):
        commands_of(loaded(**dict.fromkeys(plugins, Acme)), taken)


def test_a_plugin_that_breaks_is_named():
    with pytest.raises(Misconfigured, match=r"plugin broken: .* raised ZeroDivisionError"):
        commands_of(loaded(broken=Broken), [])


@pytest.fixture
def line(sqlite_config):
    """What a command of a plugin finds, with a configured store behind it."""
    ctx = click.Context(click.Command("caracal"))
    ctx.meta["caracal.overrides"] = {"database.data_dir": str(sqlite_config.data_dir)}
    return LentCommandLine(ctx)


def test_a_command_works_on_the_gateways_store(line, sqlite_config):
    async def work(services):
        await register(services.database, "agent-1")
        return services.log.name, await listing(services.database), services.hash_keys.read()

    name, (agent,), (key,) = line.run("acme", work)
    assert (name, agent.name) == ("caracal.acme", "agent-1")
    secret = (sqlite_config.data_dir / "hash.key").read_text().strip()
    assert HashKey(bytes.fromhex(secret)).id == key.id


def test_a_command_prints_as_cores_own_do(line, capsys):
    line.show([{"id": 1, "more": 2}], ["id"], as_json=False, empty="")
    line.show([{"id": 1, "more": 2}], ["id"], as_json=True, empty="")
    table, _, array = capsys.readouterr().out.partition("[")
    assert table == "ID\n 1\n"
    assert '"more": 2' in array
