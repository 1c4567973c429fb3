"""``caracal check``: everything up to the first input or output."""

from __future__ import annotations

import click

from caracal_core.cli.output import printable
from caracal_core.cli.session import load_configuration


@click.command("check")
@click.pass_context
def command(ctx: click.Context) -> None:
    """Load, discover, configure and wire; open nothing.

    Exits with 2 and names each fault where the gateway would not start.
    """
    loaded = load_configuration(ctx)
    for note in loaded.notes:
        click.echo(printable(f"Note: {note}"))
    names = ", ".join(plugin.name for plugin in loaded.enabled if not plugin.plugin_class.at_root)
    click.echo(printable(f"The configuration holds (plugins: {names}; digest {loaded.digest})."))
