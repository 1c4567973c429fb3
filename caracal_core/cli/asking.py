"""Asks the store, and words what cannot be granted."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

import click

from caracal_core.builtin.ledger.errors import LedgerError
from caracal_core.cli.output import fail
from caracal_core.cli.session import run
from caracal_core.ports import Database
from caracal_core.storage import accounts
from caracal_core.storage.accounts import AccountError
from caracal_core.storage.prices import PriceError
from caracal_core.storage.revocations import RevocationError

T = TypeVar("T")

limit = click.option(
    "--limit",
    type=click.IntRange(1, 100_000),
    default=1000,
    show_default=True,
    help="At most so many.",
)
as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")


def ask_about(
    ctx: click.Context, account: str | None, question: Callable[[Database], Awaitable[T]]
) -> T:
    """Return the store's answer as `ask` does; of an account nobody registered there is none.

    Args:
        ctx: the command's context.
        account: whom the question is about; None is everybody.
        question: what the store is asked.
    """

    async def known(database: Database) -> T:
        if account is not None:
            await accounts.registered(database, account)
        return await question(database)

    return ask(ctx, known)


def ask(ctx: click.Context, question: Callable[[Database], Awaitable[T]]) -> T:
    """Return the store's answer; end the command with 1 where the wish cannot be granted."""
    try:
        return run(ctx, lambda database, _: question(database))
    except (AccountError, LedgerError, PriceError, RevocationError) as error:
        fail(str(error))
