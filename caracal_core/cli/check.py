"""``caracal check``: everything up to the first input or output."""

from __future__ import annotations

import asyncio

import click

from caracal_core.assembly.foundation import lay_foundation
from caracal_core.assembly.generation import Generation, assemble
from caracal_core.assembly.masking import Masking
from caracal_core.assembly.metrics import MetricsBook
from caracal_core.assembly.secrets import MountedSecrets
from caracal_core.cli.output import printable
from caracal_core.cli.session import load_configuration
from caracal_core.config.load import Loaded
from caracal_core.storage.unopened import Unopened


@click.command("check")
@click.pass_context
def command(ctx: click.Context) -> None:
    """Load, discover, configure and wire; open nothing.

    Exits with 2 and names each fault where the gateway would not start.
    """
    loaded = load_configuration(ctx)
    asyncio.run(_assembled(loaded))
    for note in loaded.notes:
        click.echo(printable(f"Note: {note}"))
    names = ", ".join(plugin.name for plugin in loaded.enabled if not plugin.plugin_class.at_root)
    click.echo(printable(f"The configuration holds (plugins: {names}; digest {loaded.digest})."))


async def _assembled(loaded: Loaded) -> Generation:
    """Assemble as `caracal serve` would; parts may make futures, so a loop runs."""
    store = Unopened("sqlite" if loaded.core.database.embedded else "postgresql")
    return assemble(loaded, lay_foundation(store, MetricsBook(), MountedSecrets(Masking())))
