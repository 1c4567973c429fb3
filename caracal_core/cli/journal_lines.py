"""How an entry is shown, and the options that say which entries are."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any

import click

from caracal_core.builtin.ledger.entries import Entry
from caracal_core.builtin.ledger.selection import Selection
from caracal_core.cli.moments import moment, shown

_OPTIONS = (
    click.option("--agent", metavar="NAME", help="Only this agent's."),
    click.option("--under", metavar="NAME", help="Only of this account and those below it."),
    click.option("--route", metavar="ID", help="Only this route's."),
    click.option(
        "--since",
        callback=moment,
        metavar="MOMENT",
        help="Only from this day or moment on, in UTC.",
    ),
    click.option(
        "--until", callback=moment, metavar="MOMENT", help="Only before this day or moment, in UTC."
    ),
)


def selecting(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options of a selection; it is called with ``selection``."""

    @functools.wraps(command)
    def selected(*arguments: Any, **options: Any) -> Any:
        names = [name for name in Selection.__struct_fields__ if name in options]
        selection = Selection(**{name: options.pop(name) for name in names})
        return command(*arguments, selection=selection, **options)

    for option in reversed(_OPTIONS):
        selected = option(selected)
    return selected


def line(entry: Entry) -> Mapping[str, object]:
    """Return an entry as it is listed and exported.

    Of a charge whose hold was lost, nobody knows whose it was: what is empty is None.
    """
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
