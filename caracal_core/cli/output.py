"""What a command prints: a table for people, JSON for programs, one paragraph for errors."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import NoReturn

import click

_NUMBER = re.compile(r"-|-?[0-9]+(\.[0-9]+)?")


def show(
    rows: Sequence[Mapping[str, object]], columns: Sequence[str], *, as_json: bool, empty: str
) -> None:
    """Print a listing on standard output.

    Args:
        rows: one mapping a line; a value that a row lacks is None.
        columns: which values the table shows, in order; JSON has all that a row holds.
        as_json: print a JSON array instead of a table.
        empty: the sentence for people where there are no rows.
    """
    if as_json:
        click.echo(json.dumps([dict(row) for row in rows], indent=2, default=str))
    elif not rows:
        click.echo(empty)
    else:
        click.echo(_table(rows, columns))


def fail(message: str, code: int = 1) -> NoReturn:
    """Print one paragraph on standard error and end the command.

    Args:
        message: what went wrong and what to do about it, without secrets.
        code: 1 for refused or not found, 2 for misconfigured.
    """
    click.echo(printable(message), err=True)
    raise click.exceptions.Exit(code)


def printable(text: str) -> str:
    """Return the text with control characters escaped: stored text must not drive a terminal."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c == "\n" else ascii(c)[1:-1] for c in text)


def _table(rows: Sequence[Mapping[str, object]], columns: Sequence[str]) -> str:
    """Align the cells; columns that hold nothing but numbers stand to the right."""
    head = [column.replace("_", " ").upper() for column in columns]
    cells = [[_cell(row.get(column)) for column in columns] for row in rows]
    widths = [max(map(len, column)) for column in zip(head, *cells, strict=True)]
    right = [all(map(_NUMBER.fullmatch, column)) for column in zip(*cells, strict=True)]
    lines = (
        "  ".join(
            text.rjust(width) if to_right else text.ljust(width)
            for text, width, to_right in zip(line, widths, right, strict=True)
        ).rstrip()
        for line in (head, *cells)
    )
    return "\n".join(lines)


def _cell(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple | frozenset):
        return printable(", ".join(map(str, value))).replace("\n", " ") or "-"
    return printable(str(value)).replace("\n", " ")
