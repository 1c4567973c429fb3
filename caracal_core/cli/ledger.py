"""``caracal ledger``: what was spent, by whom, on what, and the proof of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import get_args

import click

from caracal_core.builtin.ledger import spend
from caracal_core.builtin.ledger.entries import Entry, query
from caracal_core.builtin.ledger.partitions import make_ahead
from caracal_core.builtin.ledger.selection import Selection
from caracal_core.builtin.ledger.summary import By, Sum, summary
from caracal_core.cli.archived_note import note_archived
from caracal_core.cli.archiving import archive
from caracal_core.cli.asking import as_json, ask, limit
from caracal_core.cli.evidence import checkpoint, public_key_, seal, verify
from caracal_core.cli.export import export
from caracal_core.cli.journal_lines import line, selecting
from caracal_core.cli.output import show
from caracal_core.ports import Database


@click.group("ledger")
def group() -> None:
    """Query and sum up what was spent, and prove it."""


for command in (export, seal, checkpoint, public_key_, verify, archive):
    group.add_command(command)


@group.command("query")
@selecting
@click.option("--charge", metavar="ID", help="Only this charge's.")
@click.option("--request", metavar="ID", help="Only of the exchange with this X-Request-ID.")
@limit
@as_json
@click.pass_context
def query_(ctx: click.Context, selection: Selection, limit: int, as_json: bool) -> None:
    """List the entries of the ledger, the latest first."""
    found = ask(ctx, lambda database: _query(database, selection, limit))
    show(
        [line(entry) for entry in found],
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
@selecting
@limit
@as_json
@click.pass_context
def summary_(ctx: click.Context, by: By, selection: Selection, limit: int, as_json: bool) -> None:
    """Sum up what was posted, and what is held for charges that have not ended."""
    found = ask(ctx, lambda database: summary(database, by, selection, limit=limit))
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
    """Make PostgreSQL's partitions of the ledger ahead.

    Run it as the owner of the tables. A gateway whose role owns the tables makes the next two by
    itself. Entries that had no partition move into theirs, and charges wait meanwhile: 7 seconds
    for a million.
    """
    made = ask(ctx, lambda database: make_ahead(database, months))
    for name in made:
        click.echo(f"Made {name}.")
    if not made:
        click.echo("No partition is missing.")


async def _query(database: Database, selection: Selection, limit: int) -> Sequence[Entry]:
    found = await query(database, selection, limit=limit)
    if len(found) < limit:
        await note_archived(database, selection)
    return found


def _sum(by: By, each: Sum) -> Mapping[str, object]:
    more = {"adjusted": each.adjusted, "reserved": each.reserved.decimal}
    return {**spend.shown(by, each), **more}
