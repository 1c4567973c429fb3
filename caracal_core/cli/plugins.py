"""``caracal plugins``: what is installed, what of it is enabled, and what that implements."""

from __future__ import annotations

import click
import msgspec

from caracal_core.assembly.discovery import survey
from caracal_core.assembly.inventory import take_inventory
from caracal_core.cli.output import show
from caracal_core.cli.session import load_configuration, selection

_COLUMNS = ("name", "version", "distribution", "state", "hooks", "keys")


@click.command("plugins")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
@click.pass_context
def command(ctx: click.Context, as_json: bool) -> None:
    """List the installed plugins, in the order in which the enabled ones are asked.

    What is installed but not enabled is listed from its metadata and is not imported. A chosen
    plugin that is missing, or refused, is listed with its mend; the exit is 2 then, as wherever
    the configuration does not hold.
    """
    items = take_inventory(survey(selection(ctx)))
    wrong = any(item.mend for item in items)
    show(
        [msgspec.structs.asdict(item) for item in items],
        [*_COLUMNS, "mend"] if wrong else _COLUMNS,
        as_json=as_json,
        empty="No plugin is installed.",
    )
    load_configuration(ctx)  # after the list, which shows what to choose from
