"""``caracal agents``: who may authenticate, and who pays for them."""

from __future__ import annotations

from collections.abc import Mapping

import click

from caracal_core.cli.asking import as_json, ask, limit
from caracal_core.cli.moments import shown
from caracal_core.cli.output import show
from caracal_core.storage import accounts
from caracal_core.storage.accounts import Account, Kind
from caracal_core.storage.moving import move


@click.group("agents")
def group() -> None:
    """Register agents, and the groups that pay with them."""


@group.command("register", short_help="Register an agent or a group.")
@click.argument("name")
@click.option("--parent", metavar="NAME", help="The account above, which pays too.")
@click.option(
    "--kind",
    type=click.Choice(["agent", "group"]),
    default="agent",
    show_default=True,
    help="A group has budgets but cannot authenticate.",
)
@click.pass_context
def register(ctx: click.Context, name: str, parent: str | None, kind: Kind) -> None:
    """Register the agent NAME."""
    ask(ctx, lambda database: accounts.register(database, name, kind=kind, parent=parent))
    click.echo(f"Registered the {kind} {name}{f' below {parent}' if parent else ''}.")


@group.command("list")
@click.option("--after", default="", metavar="NAME", help="Only names that sort behind this one.")
@limit
@as_json
@click.pass_context
def list_(ctx: click.Context, after: str, limit: int, as_json: bool) -> None:
    """List agents and groups by name."""
    found = ask(ctx, lambda database: accounts.listing(database, after=after, limit=limit))
    show(
        [_row(account) for account in found],
        ["name", "kind", "parent", "enabled", "created_at"],
        as_json=as_json,
        empty="No agent is registered; `caracal agents register NAME` registers one.",
    )
    if len(found) == limit:
        click.echo(f"There may be more: --after {found[-1].name}", err=True)


@group.command("show", short_help="Show an agent, who pays for it, and whether it is admitted.")
@click.argument("name")
@as_json
@click.pass_context
def show_(ctx: click.Context, name: str, as_json: bool) -> None:
    """Show the agent NAME, who pays for it, and whether it is admitted."""
    path = ask(ctx, lambda database: accounts.registered(database, name))
    admitted = path[0].kind == "agent" and all(account.enabled for account in path)
    row = {**_row(path[0]), "admitted": admitted, "accounts": [above.name for above in path]}
    columns = ["name", "kind", "enabled", "admitted", "accounts", "created_at"]
    show([row], columns, as_json=as_json, empty="")


@group.command("move", short_help="Put an agent or a group below another account.")
@click.argument("name")
@click.option("--parent", metavar="NAME", help="The account that is to be above it, and pays too.")
@click.option("--top", is_flag=True, help="Or none: nobody above it pays.")
@click.pass_context
def move_(ctx: click.Context, name: str, parent: str | None, top: bool) -> None:
    """Put the agent or group NAME, and all below it, below another account.

    Gateways go by it within 2 seconds. What is held by then stays in the budgets that it was held
    in, and is posted there, and these keep what they counted; no budget of the new path counts it.
    Sums of a subtree (--under) go by where accounts stand now, also for what was spent before.
    """
    if (parent is None) is not top:
        raise click.UsageError("Say either --parent NAME or --top.", ctx)
    before = ask(ctx, lambda database: move(database, name, parent))
    click.echo(f"{name} is {_place(parent)} now; it was {_place(before)}.")


@group.command("disable", short_help="Refuse an agent, or every agent below a group.")
@click.argument("name")
@click.pass_context
def disable(ctx: click.Context, name: str) -> None:
    """Refuse the agent NAME, or every agent below the group NAME, within 2 seconds."""
    ask(ctx, lambda database: accounts.enable(database, name, enabled=False))
    click.echo(f"Disabled {name}.")


@group.command("enable", short_help="Admit an agent or a group again.")
@click.argument("name")
@click.pass_context
def enable(ctx: click.Context, name: str) -> None:
    """Admit the agent or group NAME again."""
    ask(ctx, lambda database: accounts.enable(database, name))
    click.echo(f"Enabled {name}.")


def _place(parent: str | None) -> str:
    return "at the top" if parent is None else f"below {parent}"


def _row(account: Account) -> Mapping[str, object]:
    return {
        "name": account.name,
        "kind": account.kind,
        "parent": account.parent,
        "enabled": account.enabled,
        "created_at": shown(account.created_at),
    }
