"""``caracal db``: prepare the database, and bring its schema up or down."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import click

from caracal_core.builtin.ledger.partitions import MOVED_BESIDE_CHARGES, make_ahead
from caracal_core.cli.output import fail, show
from caracal_core.cli.session import load_configuration, run
from caracal_core.config.load import Loaded
from caracal_core.domain.counted import counted
from caracal_core.errors import Misconfigured
from caracal_core.ports import Migrations
from caracal_core.storage import history
from caracal_core.storage.config import StorageConfig
from caracal_core.storage.migrations import CORE

MONTHS_AHEAD = 12
"""For so long the gateways need no right to make the ledger's partitions themselves."""


@click.group("db")
def group() -> None:
    """Prepare the database and its schema."""


@group.command("init", short_help="Check connection and rights, and prepare the database.")
@click.pass_context
def init(ctx: click.Context) -> None:
    """Check connection and rights, and make the table of applied steps; may be repeated."""
    from caracal_core.storage.migrate import init as prepare  # noqa: PLC0415 - heavy

    database = load_configuration(ctx).core.database
    asyncio.run(prepare(database))
    click.echo(f"{_place(database)} is ready; `caracal db migrate up` makes its tables.")


@group.command("status", short_help="List the steps of the schema, and which are pending.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
@click.pass_context
def status(ctx: click.Context, as_json: bool) -> None:
    """List the steps of the schema; exit with 1 where any is pending."""
    steps = run(ctx, lambda database, loaded: history.status(database, plugin_migrations(loaded)))
    rows = [{"history": step.app, "step": step.name, "state": step.state} for step in steps]
    show(rows, ["history", "step", "state"], as_json=as_json, empty="")
    pending = sum(step.state == "pending" for step in steps)
    if pending:
        fail(f"{counted(pending, 'step')} to apply: `caracal db migrate up`.")


@group.group("migrate")
def migrate() -> None:
    """Apply or undo steps of the schema."""


@migrate.command("up", short_help="Apply every pending step of the schema.")
@click.pass_context
def up(ctx: click.Context) -> None:
    """Apply every pending step; any number of processes may do so at once."""
    from caracal_core.storage.migrate import up as apply  # noqa: PLC0415 - heavy

    loaded = load_configuration(ctx)
    done = asyncio.run(apply(loaded.core.database, plugin_migrations(loaded)))
    for step in done:
        click.echo(f"Applied {step}.")
    for name in run(
        ctx, lambda database, _: make_ahead(database, MONTHS_AHEAD, most=MOVED_BESIDE_CHARGES)
    ):
        click.echo(f"Made {name}.")
    click.echo(f"The schema of {_place(loaded.core.database)} is current.")


@migrate.command("down", short_help="Undo the last step of one history.")
@click.option("--app", default=CORE.app, show_default=True, help="Whose last step.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_context
def down(ctx: click.Context, app: str, yes: bool) -> None:
    """Undo the last step of one history; the core refuses where rows would be lost."""
    from caracal_core.storage.migrate import down as undo  # noqa: PLC0415 - heavy

    loaded = load_configuration(ctx)
    known = {each.app: each for each in (CORE, *plugin_migrations(loaded))}
    if app not in known:
        fail(f"There is no history {app!r}; there is {', '.join(known)}.")
    place = _place(loaded.core.database)
    if not yes:
        click.confirm(f"Undo the last step of {app} in {place}?", abort=True)
    step = asyncio.run(undo(loaded.core.database, known[app]))
    click.echo(f"Undid {step}." if step else f"Nothing of {app} is applied.")


def plugin_migrations(loaded: Loaded) -> Sequence[Migrations]:
    """Return the enabled plugins' migrations, in the enabled order.

    Raises:
        Misconfigured: a plugin's hook raised.
    """
    found: list[Migrations] = []
    for enabled in loaded.enabled:
        try:
            given = enabled.plugin_class(loaded.sections[enabled.name]).migrations()
        except Exception as error:
            raise Misconfigured(
                f"plugin {enabled.name}",
                f"its hook migrations raised {type(error).__name__}: {error}",
                "Repair or disable the plugin.",
            ) from error
        found += [given] if given else []
    return found


def _place(config: StorageConfig) -> str:
    if config.embedded:
        return f"the embedded store in {config.data_dir}"
    return f"database {config.name} on {config.host}"
