"""The commands that enabled plugins add."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import click

from caracal_core.assembly.inspection import hooks_of
from caracal_core.config.enabled import Enabled
from caracal_core.config.load import Loaded
from caracal_core.errors import Misconfigured


def commands_of(loaded: Loaded, taken: Collection[str]) -> Mapping[str, click.Command]:
    """Ask the enabled plugins for their commands.

    Args:
        loaded: the configuration.
        taken: the names of core's own commands.

    Raises:
        Misconfigured: a plugin adds a command that exists, or breaks while it adds them.
    """
    shelf = _Shelf(taken)
    for plugin in loaded.enabled:
        if "commands" in hooks_of(plugin.plugin_class):
            shelf.plugin = plugin.name
            _ask(plugin, loaded, shelf)
    return shelf.commands


class _Shelf(click.Group):
    """Takes commands, but none whose name is taken."""

    def __init__(self, taken: Collection[str]) -> None:
        super().__init__("caracal")
        self.plugin = ""
        self._taken = taken

    def add_command(self, cmd: click.Command, name: str | None = None) -> None:
        name = name or cmd.name or ""
        if name in self._taken or name in self.commands:
            raise Misconfigured(
                f"plugin {self.plugin}",
                f"it adds the command {name}, which exists already",
                "Disable the plugin; its author renames the command.",
            )
        super().add_command(cmd, name)


def _ask(plugin: Enabled, loaded: Loaded, shelf: _Shelf) -> None:
    try:
        plugin.plugin_class(loaded.sections[plugin.name]).commands(shelf)
    except Misconfigured:
        raise
    except Exception as error:
        raise Misconfigured(
            f"plugin {plugin.name}",
            f"adding its commands raised {type(error).__name__}: {error}",
            "Repair or disable the plugin.",
        ) from error
