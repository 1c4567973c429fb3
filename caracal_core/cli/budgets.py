"""``caracal budgets``: how much an account may spend."""

from __future__ import annotations

from collections.abc import Mapping
from typing import get_args

import click

from caracal_core.builtin.ledger.budgets import (
    Budget,
    Period,
    budgets,
    remove_budget,
    set_budget,
)
from caracal_core.cli.asking import as_json, ask, ask_about, limit
from caracal_core.cli.output import show
from caracal_core.domain import Money

per = click.option(
    "--per",
    "period",
    type=click.Choice(get_args(Period)),
    default="day",
    show_default=True,
    help="Calendar window in UTC; a total never starts anew while its budget stays.",
)


@click.group("budgets")
def group() -> None:
    """Set limits; a call must fit every budget of every account that pays for it."""


@group.command("set", short_help="Set what an account may spend in each window.")
@click.argument("account")
@click.argument("amount")
@click.argument("currency")
@per
@click.pass_context
def set_(ctx: click.Context, account: str, amount: str, currency: str, period: Period) -> None:
    """Let ACCOUNT spend AMOUNT (such as 12.50) of CURRENCY (such as USD) in each window.

    A new budget counts from now on: what was spent before, even in the current window, and what is
    held now are not in it. Setting it again changes the limit, and what it counted stays.
    """
    money = _money(ctx, amount, currency)
    is_new = ask(ctx, lambda database: set_budget(database, account, money, period))
    since = ", counted from now on" if is_new else ""
    click.echo(f"{account} may spend {money} {_each(period)}{since}.")


@group.command("list", short_help="List budgets, and how their current windows stand.")
@click.argument("account", required=False)
@limit
@as_json
@click.pass_context
def list_(ctx: click.Context, account: str | None, limit: int, as_json: bool) -> None:
    """List budgets, of ACCOUNT or of all, and how their current windows stand."""
    found = ask_about(ctx, account, lambda database: budgets(database, account, limit=limit))
    show(
        [_row(budget) if as_json else _line(budget) for budget in found],
        ["account", "per", "currency", "limit", "spent", "held", "available"],
        as_json=as_json,
        empty="There is no budget; `caracal budgets set ACCOUNT AMOUNT CURRENCY` gives one.",
    )


@group.command("remove", short_help="Remove a budget; what was spent stays in the ledger.")
@click.argument("account")
@click.argument("currency")
@per
@click.pass_context
def remove(ctx: click.Context, account: str, currency: str, period: Period) -> None:
    """Remove a budget of ACCOUNT; what was spent stays in the ledger.

    What the budget itself counted is forgotten, and said. One that is set again begins at nothing,
    in the same window too, and does not count what is still held. To change a limit, set it anew
    without removing the budget.
    """
    gone = ask_about(
        ctx, account, lambda database: remove_budget(database, account, currency, period)
    )
    window = "" if period == "total" else f" in the current {period}"
    least = ">= " if gone.saturated else ""
    click.echo(
        f"Removed the budget of {account} in {currency} {_each(period)}. "
        f"It had counted {least}{gone.spent} spent and {gone.held} held{window}, which is "
        "forgotten."
    )


def _money(ctx: click.Context, amount: str, currency: str) -> Money:
    try:
        return Money.parse(amount, currency)
    except ValueError as error:
        raise click.UsageError(f"{error}.", ctx) from None


def _each(period: Period) -> str:
    return "in total" if period == "total" else f"per {period}"


def _row(budget: Budget) -> Mapping[str, object]:
    return {
        "account": budget.account,
        "per": budget.period,
        "currency": budget.limit.currency,
        "limit": budget.limit.decimal,
        "spent": budget.spent.decimal,
        "held": budget.held.decimal,
        "available": budget.available.decimal,
        "saturated": budget.saturated,
    }


def _line(budget: Budget) -> Mapping[str, object]:
    """Return the same for people, who see where a count is full and the ledger knows the sum."""
    row = _row(budget)
    return {**row, "spent": f">= {row['spent']}"} if budget.saturated else row
