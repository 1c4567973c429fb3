"""The commands that enabled plugins add, and what the house lends them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import TypeVar

import click

from caracal_core.assembly.discovery import installed
from caracal_core.assembly.inspection import hooks_of
from caracal_core.assembly.masking import Masking
from caracal_core.assembly.metrics import MetricsBook
from caracal_core.assembly.own_plugins import OURS, how_to_install, mode_of, plugin_of_command
from caracal_core.assembly.secrets import MountedSecrets
from caracal_core.assembly.services import SystemClock, lender
from caracal_core.assembly.unopened import no_authorities
from caracal_core.cli.output import show
from caracal_core.cli.session import run
from caracal_core.config.enabled import Enabled
from caracal_core.config.load import Loaded
from caracal_core.errors import Misconfigured
from caracal_core.plugin import Services
from caracal_core.ports import Database
from caracal_core.storage.hash_keys import HashKeyFile
from caracal_core.storage.signing_key import SigningKeyFile

T = TypeVar("T")


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


def whose(command: str) -> str:
    """Say which plugin would have to be enabled for a command that is not there; else nothing.

    Nothing is imported for it: of strangers' plugins nobody knows their commands before.
    """
    plugin, there = plugin_of_command(command), installed()
    if plugin is None:
        strangers = [name for name in there if name not in OURS]
        if not strangers:
            return ""
        return f"One of these plugins may have it, if it is enabled: {', '.join(strangers)}."
    mode = mode_of(plugin)
    enable = (
        f"Add {mode} to AUTH_MODE (auth_mode) or to auth_trial; "
        f"for this command alone, add `--set auth_trial={mode}`."
    )
    if plugin in there:
        return f"{plugin} has it, which is installed and not enabled. {enable}"
    return f"{plugin} has it, which is not installed. {how_to_install(plugin)}. {enable}"


class LentCommandLine:
    """Implements `caracal_core.plugin.CommandLine` for the commands of one invocation.

    Args:
        ctx: the program's context, which knows ``--config`` and ``--set``.
    """

    def __init__(self, ctx: click.Context) -> None:
        self._ctx = ctx

    def run(self, plugin: str, work: Callable[[Services], Awaitable[T]]) -> T:
        async def lent(database: Database, loaded: Loaded) -> T:
            secrets = MountedSecrets(Masking())
            hash_keys = HashKeyFile(loaded.core.database, secrets)
            book = MetricsBook()
            signing_keys = SigningKeyFile(loaded.core.database, secrets, makes=False)
            clock = SystemClock()
            lend = lender(clock, database, book, secrets, hash_keys, signing_keys, no_authorities)
            return await work(lend(plugin))

        return run(self._ctx, lent)

    def show(
        self,
        rows: Sequence[Mapping[str, object]],
        columns: Sequence[str],
        *,
        as_json: bool,
        empty: str,
    ) -> None:
        show(rows, columns, as_json=as_json, empty=empty)


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
        made = plugin.plugin_class(loaded.sections[plugin.name])
        made.name = plugin.name
        made.commands(shelf)
    except Misconfigured:
        raise
    except Exception as error:
        raise Misconfigured(
            f"plugin {plugin.name}",
            f"adding its commands raised {type(error).__name__}: {error}",
            "Repair or disable the plugin.",
        ) from error
