"""``caracal check``: everything up to the first input or output."""

from __future__ import annotations

import click

from caracal_core.assembly.foundation import lay_foundation
from caracal_core.assembly.generation import assemble
from caracal_core.assembly.masking import Masking
from caracal_core.assembly.metrics import MetricsBook
from caracal_core.assembly.secrets import MountedSecrets
from caracal_core.assembly.unopened import UnopenedDatabase, no_authorities
from caracal_core.assembly.wiring import routes_of
from caracal_core.cli.output import printable
from caracal_core.cli.session import load_configuration
from caracal_core.storage.hash_keys import HashKeyFile


@click.command("check")
@click.pass_context
def command(ctx: click.Context) -> None:
    """Load, discover, configure and wire; open nothing.

    Exits with 2 and names what is wrong where the gateway would not start.
    """
    loaded = load_configuration(ctx)
    database = UnopenedDatabase(loaded.core.database)
    masking = Masking()
    secrets = MountedSecrets(masking)
    hash_keys = HashKeyFile(loaded.core.database, secrets)
    foundation = lay_foundation(
        database, MetricsBook(), secrets, hash_keys, no_authorities, masking.mask
    )
    generation = assemble(loaded, foundation)
    for note in loaded.notes:
        click.echo(printable(f"Note: {note}"))
    plugins = [plugin.name for plugin in loaded.enabled if not plugin.plugin_class.at_root]
    routes = sorted(routes_of(generation.furnishings))
    click.echo(f"Plugins: {_listed(plugins)}")
    click.echo(f"Routes: {_listed(routes)}")
    click.echo(f"The configuration holds; its digest is {loaded.digest}.")


def _listed(names: list[str]) -> str:
    return printable(", ".join(names)) or "none"
