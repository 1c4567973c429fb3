"""Runs the demo: upstream, world, gateway, and the tour that it prints."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import click

from caracal_core.assembly import discovery
from caracal_core.assembly.masking import Masking
from caracal_core.builtin.ledger.budgets import budgets, set_budget
from caracal_core.cli.demo.guide import page, steps
from caracal_core.cli.demo.upstream import demo_upstream
from caracal_core.cli.demo.world import AGENT, BUDGET, World, make_world
from caracal_core.cli.opening import serve_house
from caracal_core.config.load import load
from caracal_core.config.sources import Sources
from caracal_core.domain import Money
from caracal_core.errors import Misconfigured
from caracal_core.ports import Database
from caracal_core.storage import accounts
from caracal_core.storage.data_dir import file_lock


async def serve_demo(
    directory: Path | None, overrides: Mapping[str, object], masking: Masking
) -> None:
    """Serve the demo until a signal.

    Args:
        directory: where its files are kept; None is a temporary directory, removed afterwards.
        overrides: what the command line sets; of other configuration nothing is read.
        masking: takes secrets out of logs.

    Raises:
        Misconfigured: the environment would lead the demo to somebody's database, or the
            directory cannot be used.
    """
    _refuse_foreign_settings()
    with _place(directory) as place:
        async with demo_upstream() as port:
            world = make_world(place, port)
            places = _sources(world, overrides)
            tour = Tour(world)
            loaded = load(places.read(), discovery)
            await serve_house(places, loaded, masking, tour.fund, tour.show)


class Tour:
    """One demo's guide, from the agent's money to the page that is printed."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._left = Money.parse(BUDGET, "USD")

    async def fund(self, database: Database) -> None:
        """Register the agent with its budget; an earlier demo in the directory may have."""
        if not await accounts.path(database, AGENT):
            await accounts.register(database, AGENT)
        await set_budget(database, AGENT, self._left, "day")
        (budget,) = await budgets(database, AGENT, limit=1)
        self._left = budget.available

    def show(self, gateway: str, operations: str) -> None:
        """Print the page, now that both ports listen."""
        tour = steps(gateway, self._world, os.path.abspath(sys.argv[0]))  # noqa: PTH100 - keeps links
        click.echo(page(tour, gateway, operations, self._left))


@contextmanager
def _place(directory: Path | None) -> Iterator[Path]:
    """Give the directory, with nobody else's demo in it.

    Raises:
        Misconfigured: it cannot be used, or another demo serves from it.
    """
    if directory is None:
        with tempfile.TemporaryDirectory(prefix="caracal-") as temporary:
            yield Path(temporary)
        return
    directory = directory.resolve()
    with file_lock(directory / "demo.lock") as take:
        if not take():
            raise Misconfigured(
                "--data-dir", f"another demo serves from {directory}", "Name another directory."
            )
        yield directory


def _sources(world: World, overrides: Mapping[str, object]) -> Sources:
    """Name the world's own file and nothing else: no variable and no mounted ConfigMap leaks in."""
    return Sources(
        overrides=overrides,
        environment={},
        settings_directory=world.directory / "settings",
        settings_required=False,
        file=world.config,
        file_required=True,
    )


def _refuse_foreign_settings() -> None:
    """The demo is for this machine alone; where PostgreSQL is meant, say that it is not used."""
    foreign = sorted(name for name in os.environ if name.startswith("DB_"))
    if foreign:
        raise Misconfigured(
            "serve --demo",
            f"{', '.join(foreign)} of the environment would lead it to another database",
            f"Unset them: env {' '.join(f'-u {name}' for name in foreign)} caracal serve --demo",
        )
