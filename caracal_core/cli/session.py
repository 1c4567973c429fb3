"""What a command works with: the configuration, and the store opened for it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from typing import TypeVar

import click

from caracal_core.assembly import discovery
from caracal_core.cli.options import chosen_file, overrides
from caracal_core.config.core import Selection
from caracal_core.config.document import parse_document
from caracal_core.config.load import Loaded, load, select
from caracal_core.config.sources import Sources, locate
from caracal_core.ports import Database
from caracal_core.storage.database import open_database

T = TypeVar("T")


def sources(ctx: click.Context) -> Sources:
    """Return where this command reads its configuration from."""
    return locate(os.environ, chosen_file(ctx), overrides(ctx))


def load_configuration(ctx: click.Context) -> Loaded:
    """Load the configuration that the command line points at.

    Raises:
        Misconfigured: naming every key at fault, its place and its mend.
    """
    return load(sources(ctx).read(), discovery)


def selection(ctx: click.Context) -> Selection:
    """Read which plugins are chosen, and nothing else of the configuration.

    Raises:
        Misconfigured: a source cannot be read, or the choice is malformed.
    """
    snapshot = sources(ctx).read()
    return select(snapshot, parse_document(snapshot.document or b"", snapshot.document_name))


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
    async with open_database(loaded.core.database) as database:
        return await work(database, loaded)
