"""``caracal check``: everything up to the network and the store."""

from __future__ import annotations

import click

from caracal_core.assembly import discovery
from caracal_core.assembly.generation import split
from caracal_core.assembly.masking import Masking
from caracal_core.assembly.wiring import routes_of
from caracal_core.cli.ending import run_to_the_end
from caracal_core.cli.examination import examine
from caracal_core.cli.output import printable
from caracal_core.cli.session import sources
from caracal_core.config.load import load


@click.command("check")
@click.option(
    "--no-files", is_flag=True, help="Read none of the files that the configuration names."
)
@click.pass_context
def command(ctx: click.Context, no_files: bool) -> None:
    """Load, discover, configure and wire, and read the keys and secrets; open nothing.

    Exits with 2 and names everything that is wrong where the gateway would not start.
    """
    snapshot = sources(ctx).read()
    if snapshot.unfound:
        click.echo(printable(f"Note: {snapshot.unfound}"), err=True)
    loaded = load(snapshot, discovery)
    furnishings = run_to_the_end(examine(loaded, Masking(), files=not no_files))
    for note in loaded.notes:
        click.echo(printable(f"Note: {note}"))
    plugins = [plugin.name for plugin in loaded.enabled if not plugin.plugin_class.at_root]
    routes = sorted(routes_of(split(loaded, furnishings)[0]))
    click.echo(f"Plugins: {_listed(plugins)}")
    click.echo(f"Routes: {_listed(routes)}")
    click.echo(f"The configuration holds; its digest is {loaded.digest}.")


def _listed(names: list[str]) -> str:
    return printable(", ".join(names)) or "none"
