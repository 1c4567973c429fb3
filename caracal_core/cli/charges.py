"""``caracal charges``: what is held, and how to end it by hand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import get_args

import click

from caracal_core.builtin.ledger.charges import ChargeRecord, charges, release
from caracal_core.cli.asking import as_json, ask, ask_about, limit
from caracal_core.cli.moments import shown
from caracal_core.cli.output import show
from caracal_core.domain import State
from caracal_core.domain.route import Ending


@click.group("charges")
def group() -> None:
    """List charges, and release those whose owner will not end them."""


@group.command("list")
@click.option(
    "--state",
    type=click.Choice([*get_args(State), "all"]),
    default="pending",
    show_default=True,
    help="Only charges in this state.",
)
@click.option("--agent", metavar="NAME", help="Only this agent's.")
@limit
@as_json
@click.pass_context
def list_(
    ctx: click.Context, state: State | str, agent: str | None, limit: int, as_json: bool
) -> None:
    """List charges, the latest first."""
    only = next((known for known in get_args(State) if known == state), None)
    found = ask_about(
        ctx, agent, lambda database: charges(database, state=only, agent=agent, limit=limit)
    )
    show(
        [_row(charge) for charge in found],
        ["charge", "agent", "route", "state", "held", "posted", "currency", "cause", "expires_at"],
        as_json=as_json,
        empty="There is no such charge." if state != "pending" else "No charge is pending.",
    )


@group.command("release", short_help="End a pending charge now, instead of at its expiry.")
@click.argument("id")
@click.option("--post", is_flag=True, help="Book the held amount.")
@click.option("--void", is_flag=True, help="Give the held amount back.")
@click.pass_context
def release_(ctx: click.Context, id: str, post: bool, void: bool) -> None:
    """End the pending charge ID now, instead of at its expiry.

    ID is the charge's, as the client and the listing have it, or the id of one of its attempts.
    """
    if post and void:
        raise click.UsageError("--post and --void were both given; say one of the two.", ctx)
    if not post and not void:
        raise click.UsageError("Say --post to book the held amount or --void to give it back.", ctx)
    ending: Ending = "post" if post else "void"
    posted = ask(ctx, lambda database: release(database, id, ending))
    click.echo(f"Posted {posted} for {id}." if ending == "post" else f"Voided {id}.")


def _row(charge: ChargeRecord) -> Mapping[str, object]:
    return {
        "id": charge.id,
        "charge": charge.charge,
        "agent": charge.agent,
        "route": charge.route,
        "request": charge.request,
        "owner": charge.owner,
        "state": charge.state,
        "held": charge.held.decimal,
        "posted": charge.posted.decimal,
        "currency": charge.held.currency,
        "cause": charge.cause,
        "basis": charge.basis or None,
        "price": charge.price or None,
        "created_at": shown(charge.created_at),
        "expires_at": shown(charge.expires_at),
        "ended_at": shown(charge.ended_at),
    }
