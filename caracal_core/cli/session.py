"""What a command works with: the configuration, and the store opened for it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import click

from caracal_core.config.load import Loaded
from caracal_core.ports import Database

T = TypeVar("T")


def load_configuration(ctx: click.Context) -> Loaded:
    """Load the configuration that the command line points at.

    Raises:
        Misconfigured: naming every key at fault, its place and its mend.
    """
    raise NotImplementedError


def run(ctx: click.Context, work: Callable[[Database, Loaded], Awaitable[T]]) -> T:
    """Load the configuration, open the store, do the work, close the store.

    `caracal_core.cli.main` words what is raised: `Misconfigured` exits with 2, a `Refusal` or
    `Failure` with 1.

    Args:
        ctx: the command's context, which knows ``--config`` and ``--set``.
        work: what to do; what it returns is returned.

    Raises:
        Misconfigured: the configuration does not hold, or the store is not as it says.
        Failure: the store cannot be reached.
    """
    return asyncio.run(_with_database(load_configuration(ctx), work))


async def _with_database(loaded: Loaded, work: Callable[[Database, Loaded], Awaitable[T]]) -> T:
    raise NotImplementedError
