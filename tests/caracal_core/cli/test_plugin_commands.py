"""Enabled plugins add their commands, never over one that exists."""

from __future__ import annotations

from types import MappingProxyType

import click
import pytest

from caracal_core.cli.plugin_commands import commands_of
from caracal_core.config.core import CoreConfig
from caracal_core.config.enabled import Enabled
from caracal_core.config.load import Loaded
from caracal_core.errors import Misconfigured
from caracal_core.plugin import Config, Plugin, hookimpl


class Acme(Plugin):
    @hookimpl
    def commands(self, cli):
        cli.add_command(click.Command("dig"))


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
