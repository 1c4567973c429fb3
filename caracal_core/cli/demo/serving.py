"""Runs the demo: upstream, world, gateway, and the tour that it prints."""

from __future__ import annotations

import os
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

import click

from caracal_core.assembly import discovery
from caracal_core.assembly.masking import Masking
from caracal_core.builtin.ledger.budgets import set_budget
from caracal_core.cli.demo.guide import page, steps
from caracal_core.cli.demo.upstream import demo_upstream
from caracal_core.cli.demo.world import AGENT, BUDGET, make_world
from caracal_core.cli.opening import serve_house
from caracal_core.config.load import load
from caracal_core.config.sources import locate
from caracal_core.domain import Money
from caracal_core.errors import Misconfigured
from caracal_core.ports import Database
from caracal_core.storage import accounts

LISTEN = "127.0.0.1:8443"
OPERATIONS = "127.0.0.1:9090"


async def serve_demo(directory: Path | None, masking: Masking) -> None:
    """Serve the demo until a signal.

    Args:
        directory: where its files are kept; None is a temporary directory, removed afterwards.
        masking: takes secrets out of logs.

    Raises:
        Misconfigured: the environment would lead the demo to somebody's database.
    """
    _refuse_foreign_settings()
    with ExitStack() as stack:
        if directory is None:
            directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="caracal-")))
        async with demo_upstream() as port:
            world = make_world(directory.resolve(), port, LISTEN, OPERATIONS)
            places = locate({}, str(world.config))  # nothing of this shell leaks in
            tour = steps(f"http://{LISTEN}", str(world.token_file), sys.argv[0], str(world.config))

            async def prepare(database: Database) -> None:
                await _fund(database)
                click.echo(page(tour, f"http://{LISTEN}", f"http://{OPERATIONS}"))

            await serve_house(places, load(places.read(), discovery), masking, prepare)


def _refuse_foreign_settings() -> None:
    """The demo is for this machine alone; settings of a real deployment must not leak in."""
    foreign = sorted(name for name in os.environ if name.startswith("DB_"))
    if foreign:
        raise Misconfigured(
            "serve --demo",
            f"{', '.join(foreign)} of the environment would lead it to another database",
            f"Unset them: env {' '.join(f'-u {name}' for name in foreign)} caracal serve --demo",
        )


async def _fund(database: Database) -> None:
    """Register the agent with its budget; an earlier demo in the directory may have."""
    if not await accounts.path(database, AGENT):
        await accounts.register(database, AGENT)
    await set_budget(database, AGENT, Money.parse(BUDGET, "USD"), "day")
