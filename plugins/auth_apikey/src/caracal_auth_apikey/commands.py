"""``caracal keys``: issue, list, rotate and revoke API keys."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime

import click

from caracal_auth_apikey import administration, limits
from caracal_auth_apikey.administration import Limits, Listed
from caracal_auth_apikey.durations import seconds
from caracal_auth_apikey.key_text import ApiKey, is_id
from caracal_core.domain.counted import counted
from caracal_core.plugin import CommandLine, Services

PLUGIN = "auth_apikey"
LABEL_MAX = 128

as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
expires_in = click.option(
    "--expires-in", metavar="SPAN", callback=seconds, help="How long the key is good, such as 90d."
)


@click.group("keys")
def keys() -> None:
    """Issue, list, rotate and revoke API keys."""


def _id(_ctx: click.Context, _parameter: click.Parameter, value: str | None) -> str | None:
    """Check an id; what is none may be a whole key and is not repeated."""
    if value is not None and not is_id(value):
        raise click.BadParameter(
            "an id is the 16 characters that `caracal keys list` shows; never type a whole key."
        )
    return value


def _label(_ctx: click.Context, _parameter: click.Parameter, value: str) -> str:
    if len(value) > LABEL_MAX or not (value.isprintable() and value.isascii()):
        raise click.BadParameter(f"a label is at most {LABEL_MAX} printable ASCII characters.")
    return value


@keys.command("issue", short_help="Issue a key for an agent and print it, this once.")
@click.argument("agent")
@click.option("--label", default="", callback=_label, help="What you call it.")
@expires_in
@click.option(
    "--route",
    "routes",
    multiple=True,
    metavar="GLOB",
    callback=limits.routes,
    help="Only for routes whose ids match; may be repeated.",
)
@click.option(
    "--method",
    "methods",
    multiple=True,
    metavar="METHOD",
    callback=limits.methods,
    help="Only for this method; may be repeated.",
)
@click.option(
    "--cidr",
    "cidrs",
    multiple=True,
    metavar="NETWORK",
    callback=limits.cidrs,
    help="Only from this network; may be repeated.",
)
@as_json
@click.pass_obj
def issue(
    line: CommandLine,
    agent: str,
    label: str,
    expires_in: float | None,
    routes: tuple[str, ...],
    methods: tuple[str, ...],
    cidrs: tuple[str, ...],
    as_json: bool,
) -> None:
    """Issue a key for AGENT and print it, this once."""

    async def work(services: Services) -> ApiKey:
        return await administration.issue(
            services.database,
            services.hash_keys.read()[0],
            agent,
            label=label,
            limits=Limits(routes, methods, cidrs),
            expire_seconds=expires_in,
        )

    _print(line.run(PLUGIN, work), as_json)


@keys.command("list", short_help="List keys by agent and age, without their secrets.")
@click.option("--agent", metavar="NAME", help="Only this agent's.")
@click.option(
    "--limit",
    type=click.IntRange(1, 100_000),
    default=1000,
    show_default=True,
    help="At most so many.",
)
@as_json
@click.pass_obj
def list_(line: CommandLine, agent: str | None, limit: int, as_json: bool) -> None:
    """List keys by agent and age, without their secrets, which nobody has."""

    async def work(services: Services) -> list[Listed]:
        return [*await administration.listing(services.database, agent=agent, limit=limit)]

    found = line.run(PLUGIN, work)
    line.show(
        [_row(key) for key in found],
        ["id", "agent", "label", "state", "expires_at", "last_used_at"],
        as_json=as_json,
        empty="There is no key; `caracal keys issue AGENT` issues one.",
    )
    if len(found) == limit:
        click.echo("There may be more: raise --limit, or give --agent.", err=True)


@keys.command("rotate", short_help="Issue a key in the place of another, and print it once.")
@click.argument("id", callback=_id)
@click.option(
    "--overlap",
    default="24h",
    show_default=True,
    metavar="SPAN",
    callback=seconds,
    help="How long the old key stays good.",
)
@expires_in
@as_json
@click.pass_obj
def rotate(
    line: CommandLine, id: str, overlap: float, expires_in: float | None, as_json: bool
) -> None:
    """Issue a key in the place of the key ID, with its label and limits, and print it once.

    Without --expires-in the new key is good for as long as the old one was issued for.
    """

    async def work(services: Services) -> ApiKey:
        return await administration.rotate(
            services.database,
            services.hash_keys.read()[0],
            id,
            overlap_seconds=overlap,
            expire_seconds=expires_in,
        )

    _print(line.run(PLUGIN, work), as_json)


@keys.command("revoke", short_help="Refuse a key, or every key of an agent, within seconds.")
@click.argument("id", required=False, callback=_id)
@click.option("--agent", metavar="NAME", help="Every key of this agent.")
@click.pass_obj
def revoke(line: CommandLine, id: str | None, agent: str | None) -> None:
    """Refuse the key ID, or every key of an agent, at every gateway within seconds."""
    if (id is None) is (agent is None):
        raise click.UsageError("Give an id or --agent NAME.")
    click.echo(_revoke_all(line, agent) if agent is not None else _revoke(line, id or ""))


def _revoke(line: CommandLine, id: str) -> str:
    async def work(services: Services) -> bool:
        return await administration.revoke(services.database, id)

    return f"Revoked {id}." if line.run(PLUGIN, work) else f"{id} was revoked already."


def _revoke_all(line: CommandLine, agent: str) -> str:
    async def work(services: Services) -> int:
        return await administration.revoke_all(services.database, agent)

    return f"Revoked {counted(line.run(PLUGIN, work), 'key')} of {agent}."


def _print(key: ApiKey, as_json: bool) -> None:
    """Print a new key, which stands alone on standard output."""
    if as_json:
        click.echo(json.dumps({"id": key.id, "key": key.text}))
        return
    click.echo(key.text)
    click.echo(f"Its id is {key.id}. The key is shown this once and is kept nowhere.", err=True)


def _row(key: Listed) -> Mapping[str, object]:
    return {
        "id": key.id,
        "agent": key.agent,
        "label": key.label,
        "state": key.state,
        "routes": key.limits.routes,
        "methods": key.limits.methods,
        "cidrs": key.limits.cidrs,
        "hash_key": key.hash_key,
        "replaced_by": key.replaced_by,
        "created_at": _shown(key.created_at),
        "expires_at": _shown(key.ends_at),
        "revoked_at": _shown(key.revoked_at),
        "last_used_at": _shown(key.last_used_at),
    }


def _shown(at: float | None) -> str | None:
    return None if at is None else datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")
