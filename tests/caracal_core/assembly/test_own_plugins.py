"""What is said of the project's own plugins without importing them is what they are."""

import click
import pytest

from caracal_core.assembly.discovery import discover, installed_for
from caracal_core.assembly.own_plugins import OURS, how_to_install, mode_of, plugin_of_command
from caracal_core.config.core import Selection

MODES = {"auth_jwt": "jwt", "auth_mtls": "mtls", "auth_apikey": "api_key"}


@pytest.mark.parametrize("plugin", sorted(MODES))
def test_a_mode_is_called_as_its_authenticators_scheme(plugin):
    """Whoever reads `Installed modes` writes such a word into AUTH_MODE."""
    assert mode_of(plugin) == MODES[plugin]
    assert installed_for(MODES[plugin]) == plugin


def test_each_command_is_its_plugins():
    """Those that are enabled add just the commands that are told of them."""
    for enabled in discover(Selection(auth_mode=sorted(MODES.values()))):
        group = click.Group("caracal")
        plugin = enabled.plugin_class(enabled.plugin_class.Config())
        if enabled.name in OURS and hasattr(plugin, "commands"):
            plugin.commands(group)
        assert {plugin_of_command(name) for name in group.commands} <= {enabled.name}
    assert plugin_of_command("serve") is None


def test_only_ours_can_be_installed_by_path():
    assert how_to_install("auth_apikey") == "Install it: pip install ./plugins/auth_apikey"
    assert how_to_install("acme") is None
