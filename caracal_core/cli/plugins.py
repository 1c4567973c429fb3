"""``caracal plugins``: what is installed, what of it is enabled, and what that implements."""

from __future__ import annotations

import click
import msgspec

from caracal_core.assembly.inventory import take_inventory
from caracal_core.cli.output import show
from caracal_core.cli.session import load_configuration


@click.command("plugins")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
@click.pass_context
def command(ctx: click.Context, as_json: bool) -> None:
    """List the installed plugins, in the order in which the enabled ones are asked.

    What is installed but not enabled is listed from its metadata and is not imported.
    """
    rows = [
        msgspec.structs.asdict(item) for item in take_inventory(load_configuration(ctx).enabled)
    ]
    show(
        rows,
        ["name", "version", "distribution", "state", "hooks", "keys"],
        as_json=as_json,
        empty="No plugin is installed.",
    )
