"""``caracal auth``: who would get in under other authentication modes, before anyone switches."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping, Sequence

import click

from caracal_core.assembly import discovery
from caracal_core.assembly.credentials import declared_fields, declared_kinds
from caracal_core.assembly.generation import split
from caracal_core.assembly.masking import Masking
from caracal_core.builtin.sightings.plan import Mode, Prospect, prospects
from caracal_core.cli.asking import as_json, ask
from caracal_core.cli.examination import examine
from caracal_core.cli.moments import shown
from caracal_core.cli.options import chosen_file, overrides
from caracal_core.cli.output import show
from caracal_core.cli.session import load_configuration
from caracal_core.config.load import Loaded, load
from caracal_core.config.sources import locate
from caracal_core.config.words import words
from caracal_core.domain.credential_kinds import own_of
from caracal_core.ports import Database
from caracal_core.storage import accounts, sightings
from caracal_core.storage.accounts import Account
from caracal_core.storage.sightings import DAY_SECONDS


@click.group("auth")
def group() -> None:
    """Plan how agents prove who they are."""


@group.command("plan", short_help="Say who would get in under other modes, and who not.")
@click.option(
    "--to", required=True, metavar="MODE[,MODE]", help="The AUTH_MODE that you mean to switch to."
)
@click.option(
    "--days",
    type=click.IntRange(0, 3650),
    default=30,
    show_default=True,
    help="Judge by today and so many days before.",
)
@as_json
@click.pass_context
def plan(ctx: click.Context, to: str, days: int, as_json: bool) -> None:
    """Say which agents would get in under other modes, which would not, and why.

    It goes by what the gateways saw agents show. An agent is judged by the worst of its requests;
    AFFECTED is how many of its REQUESTS the verdict is of, and WHY is about those.

    Exits with 0 where all that were seen would get in, else with 1; with 2 where the gateway would
    not start with these modes.
    """
    modes = asyncio.run(_modes(load_configuration(ctx), _switched(ctx, to)))

    async def found(database: Database) -> Sequence[Prospect]:
        seen = await sightings.since(database, days)
        return prospects(modes, seen, await _admitted(database))

    judged = ask(ctx, found)
    show(
        [_row(prospect) for prospect in judged],
        ["agent", "verdict", "requests", "affected", "last_seen", "why"],
        as_json=as_json,
        empty="No agent is registered and enabled.",
    )
    if any(prospect.verdict in {"would not", "unsure"} for prospect in judged):
        ctx.exit(1)


def _switched(ctx: click.Context, to: str) -> Loaded:
    """Load the configuration as it would be; what is switched to is on trial no longer.

    Raises:
        Misconfigured: the gateway would not start with it.
    """
    chosen: Mapping[str, object] = {**overrides(ctx), "auth_mode": words(to), "auth_trial": []}
    return load(locate(os.environ, chosen_file(ctx), chosen).read(), discovery)


async def _modes(now: Loaded, then: Loaded) -> Sequence[Mode]:
    """Return the authenticators that would be enabled, in their order."""
    asked = {
        part.scheme for f in await examine(now, Masking(), files=False) for part in f.authenticators
    }
    serving, _ = split(then, await examine(then, Masking(), files=False))
    found = []
    for furnishing in serving:
        for part in furnishing.authenticators:
            headers = declared_fields(furnishing.name, part)
            kinds = declared_kinds(furnishing.name, part)
            told_by_core = bool(kinds) and not own_of(headers)
            found.append(Mode(part.scheme, headers, kinds, told_by_core or part.scheme in asked))
    return found


async def _admitted(database: Database) -> Sequence[str]:
    """Return the names of the agents that are enabled, and all accounts above them too."""
    known: dict[str, Account] = {}
    after = ""
    while page := await accounts.listing(database, after=after):
        known |= {account.name: account for account in page}
        after = page[-1].name

    def is_admitted(account: Account | None) -> bool:
        return account is None or (account.enabled and is_admitted(known.get(account.parent or "")))

    return [each.name for each in known.values() if each.kind == "agent" and is_admitted(each)]


def _row(prospect: Prospect) -> Mapping[str, object]:
    day = prospect.last_day
    return {
        "agent": prospect.agent,
        "verdict": prospect.verdict,
        "requests": prospect.requests,
        "affected": prospect.affected,
        "last_seen": None if day is None else (shown(day * DAY_SECONDS) or "")[:10],
        "why": prospect.why,
    }
