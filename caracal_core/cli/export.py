"""``caracal ledger export``: any number of entries for another program, some at a time."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterable, Mapping
from typing import Literal, Protocol, TextIO

import click

from caracal_core.builtin.ledger.entries import every
from caracal_core.builtin.ledger.selection import Selection
from caracal_core.cli.archived_note import note_archived
from caracal_core.cli.asking import ask
from caracal_core.cli.journal_lines import line, selecting
from caracal_core.cli.progress import Progress
from caracal_core.ports import Database

COLUMNS = ("id", "at", "charge", "kind", "agent", "route", "request", "held", "amount",
           "currency", "cause", "basis", "price")  # fmt: skip
_RECKONED = ("=", "+", "-", "@", "\t", "\r", "'")


class Format(Protocol):
    """Writes entries; what it wrote is whole after `end`."""

    def write(self, lines: Iterable[Mapping[str, object]]) -> None:
        """Write some."""

    def end(self) -> None:
        """Write what comes after the last one."""


class Csv:
    """Implements `Format`: RFC 4180 with a head line, safe to open in a spreadsheet.

    A spreadsheet reckons with text that begins like a formula, and names may. Such text, and what
    begins with an apostrophe itself, gets an apostrophe in front. JSON has everything as it is.

    Args:
        out: where to.
    """

    def __init__(self, out: TextIO) -> None:
        self._writer = csv.writer(out)
        self._writer.writerow(COLUMNS)

    def write(self, lines: Iterable[Mapping[str, object]]) -> None:
        self._writer.writerows([plain(each[name]) for name in COLUMNS] for each in lines)

    def end(self) -> None:
        """Nothing comes after the last one."""


class Json:
    """Implements `Format`: one JSON array, one entry a line.

    Args:
        out: where to.
    """

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._before = "[\n"

    def write(self, lines: Iterable[Mapping[str, object]]) -> None:
        for each in lines:
            self._out.write(f"{self._before}{json.dumps(each)}")
            self._before = ",\n"

    def end(self) -> None:
        self._out.write("[]\n" if self._before == "[\n" else "\n]\n")


@click.command("export")
@click.option(
    "--format",
    "format_",
    type=click.Choice(("csv", "json")),
    default="csv",
    show_default=True,
    help="What to write.",
)
@selecting
@click.option("--charge", metavar="ID", help="Only this charge's.")
@click.option("--request", metavar="ID", help="Only of the exchange with this X-Request-ID.")
@click.pass_context
def export(ctx: click.Context, selection: Selection, format_: Literal["csv", "json"]) -> None:
    """Write every entry on standard output, the earliest first.

    How far it is stands on standard error.

    In CSV, text that a spreadsheet would take for a formula has an apostrophe in front.
    """
    form = Csv(sys.stdout) if format_ == "csv" else Json(sys.stdout)
    ask(ctx, lambda database: _write(database, selection, form))


async def _write(database: Database, selection: Selection, form: Format) -> None:
    exported, written = Progress("exported"), 0
    async for entries in every(database, selection):
        form.write(map(line, entries))
        written += len(entries)
        exported(written)
    form.end()
    await note_archived(database, selection)


def plain(value: object) -> object:
    """Return a cell's value so that no spreadsheet takes it for a formula."""
    return f"'{value}" if isinstance(value, str) and value.startswith(_RECKONED) else value
