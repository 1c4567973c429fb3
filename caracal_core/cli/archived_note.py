"""Says of a listing what it leaves out: entries that were archived."""

from __future__ import annotations

import click

from caracal_core.builtin.ledger.sealing.archives import archived_between
from caracal_core.builtin.ledger.selection import Selection
from caracal_core.cli.output import printable
from caracal_core.ports import Database


async def note_archived(database: Database, selection: Selection) -> None:
    """Name the archived months of the span on standard error.

    Raises:
        Failure: the database cannot be asked.
    """
    for month, file in await archived_between(database, selection.since, selection.until):
        click.echo(printable(f"Entries of {month} are left out: they are in {file}."), err=True)
