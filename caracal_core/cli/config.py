"""``caracal config``: what is in effect and why, and what may be set."""

from __future__ import annotations

import json

import click

from caracal_core.assembly import discovery
from caracal_core.cli.output import show
from caracal_core.cli.session import load_configuration, selection
from caracal_core.config.schema import json_schema, schema_of


@click.group("config")
def group() -> None:
    """Show the effective configuration, or its schema."""


@group.command("show", short_help="Show each effective value and where it came from.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
@click.pass_context
def show_effective(ctx: click.Context, as_json: bool) -> None:
    """Show each effective value and where it came from; secrets are masked."""
    loaded = load_configuration(ctx)
    rows = [
        {"key": each.key, "value": each.value, "origin": each.origin} for each in loaded.settings
    ]
    if not as_json:
        rows = [{**row, "value": _written(row["value"])} for row in rows]
    show(rows, ["key", "value", "origin"], as_json=as_json, empty="")
    if not as_json:
        click.echo(f"\ndigest {loaded.digest}")


@group.command("schema", short_help="Print the JSON Schema of caracal.yaml.")
@click.pass_context
def schema(ctx: click.Context) -> None:
    """Print the JSON Schema of caracal.yaml for the enabled plugins."""
    enabled = discovery.discover(selection(ctx))
    click.echo(json.dumps(json_schema(schema_of(enabled)), indent=2))


def _written(value: object) -> str:
    return value if value and isinstance(value, str) else json.dumps(value)
