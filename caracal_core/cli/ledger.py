"""``caracal ledger``: what was spent, by whom, on what."""

from __future__ import annotations

from collections.abc import Mapping
from typing import get_args

import click

from caracal_core.builtin.ledger.entries import By, Entry, Sum, query, summary
from caracal_core.builtin.ledger.partitions import make_ahead
from caracal_core.cli.asking import as_json, ask, ask_about, limit
from caracal_core.cli.moments import moment, shown
from caracal_core.cli.output import show

since = click.option(
    "--since", callback=moment, metavar="MOMENT", help="Only from this day or moment on, in UTC."
)
until = click.option(
    "--until", callback=moment, metavar="MOMENT", help="Only before this day or moment, in UTC."
)


@click.group("ledger")
def group() -> None:
    """Query and sum up what was spent."""


@group.command("query")
@click.option("--agent", metavar="NAME", help="Only this agent's.")
@click.option("--route", metavar="ID", help="Only this route's.")
@since
@until
@limit
@as_json
@click.pass_context
def query_(
    ctx: click.Context,
    agent: str | None,
    route: str | None,
    since: float | None,
    until: float | None,
    limit: int,
    as_json: bool,
) -> None:
    """List the entries of the ledger, the latest first."""
    found = ask_about(
        ctx,
        agent,
        lambda database: query(
            database, agent=agent, route=route, since=since, until=until, limit=limit
        ),
    )
    show(
        [_row(entry) for entry in found],
        ["at", "charge", "kind", "agent", "route", "amount", "currency", "cause", "basis", "price"],
        as_json=as_json,
        empty="The ledger has no such entry.",
    )


@group.command("summary", short_help="Sum up what was posted, and what is held.")
@click.option(
    "--by",
    type=click.Choice(get_args(By)),
    default="agent",
    show_default=True,
    help="What has a sum of its own, in each currency.",
)
@since
@until
@limit
@as_json
@click.pass_context
def summary_(
    ctx: click.Context,
    by: By,
    since: float | None,
    until: float | None,
    limit: int,
    as_json: bool,
) -> None:
    """Sum up what was posted, and what is held for charges that have not ended."""
    found = ask(ctx, lambda database: summary(database, by, since=since, until=until, limit=limit))
    show(
        [_sum(by, each) for each in found],
        [by, "currency", "posted", "held", "calls", "voided"],
        as_json=as_json,
        empty="Nothing was spent, and nothing is held.",
    )


@group.command("partitions")
@click.option(
    "--months",
    type=click.IntRange(0, 120),
    default=12,
    show_default=True,
    help="How many months ahead.",
)
@click.pass_context
def partitions(ctx: click.Context, months: int) -> None:
    """Make PostgreSQL's partitions of the ledger ahead, as the owner of the tables.

    A gateway whose role owns the tables makes the next two by itself.
    """
    made = ask(ctx, lambda database: make_ahead(database, months))
    for name in made:
        click.echo(f"Made {name}.")
    if not made:
        click.echo("No partition is missing.")


def _row(entry: Entry) -> Mapping[str, object]:
    # Of a charge whose hold was lost, nobody knows whose it was.
    return {
        "id": entry.id,
        "at": shown(entry.created_at),
        "charge": entry.charge,
        "kind": entry.kind,
        "agent": entry.agent or None,
        "route": entry.route or None,
        "request": entry.request or None,
        "held": entry.held.decimal,
        "amount": entry.amount.decimal,
        "currency": entry.amount.currency,
        "cause": entry.cause,
        "basis": entry.basis or None,
        "price": entry.price or None,
    }


def _sum(by: By, each: Sum) -> Mapping[str, object]:
    return {
        by: each.name or None,
        "currency": each.currency,
        "posted": each.posted.decimal,
        "held": each.held.decimal,
        "calls": each.calls,
        "voided": each.voided,
    }
