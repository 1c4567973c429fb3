"""``caracal revocations``: credentials that are refused before their time."""

from __future__ import annotations

from collections.abc import Mapping

import click

from caracal_core.cli.asking import as_json, ask, limit
from caracal_core.cli.credential_names import check_name
from caracal_core.cli.moments import moment, shown, span
from caracal_core.cli.output import show
from caracal_core.ports import Database
from caracal_core.storage import revocations
from caracal_core.storage.revocations import Revocation


@click.group("revocations")
def group() -> None:
    """Refuse credentials before their time, on every replica within 5 seconds."""


@group.command("add", short_help="Revoke one credential, or all that an agent has.")
@click.option("--scheme", metavar="SCHEME", help="The credential's scheme, such as jwt.")
@click.option(
    "--credential",
    metavar="ID",
    help="The public name of one credential of the scheme, never the credential itself.",
)
@click.option("--agent", metavar="NAME", help="Every credential that this agent has until now.")
@click.option(
    "--issued-before",
    metavar="MOMENT",
    callback=moment,
    help="With --agent: what was issued before, instead of until now.",
)
@click.option("--reason", default="", metavar="TEXT", help="For those who read the list.")
@click.option(
    "--expires-in", metavar="SPAN", callback=span, help="Forget it after so long, such as 90d."
)
@click.pass_context
def add(
    ctx: click.Context,
    scheme: str | None,
    credential: str | None,
    agent: str | None,
    issued_before: float | None,
    reason: str,
    expires_in: float | None,
) -> None:
    """Revoke one credential, or every one that an agent has."""
    if (agent is None) == (credential is None) or (agent is None and scheme is None):
        raise click.UsageError("Say --scheme and --credential, or --agent.", ctx)
    if credential is not None and issued_before is not None:
        raise click.UsageError("--issued-before goes with --agent.", ctx)
    if scheme is not None:
        check_name(ctx, scheme, credential)

    async def write(database: Database) -> Revocation:
        if agent is not None:
            return await revocations.revoke_agent(
                database,
                agent,
                scheme=scheme,
                issued_before=issued_before,
                reason=reason,
                expire_seconds=expires_in,
            )
        return await revocations.revoke_credential(
            database, scheme or "", credential or "", reason=reason, expire_seconds=expires_in
        )

    made = ask(ctx, write)
    click.echo(f"Revoked {_words(made)}; its number is {made.id}.")


@group.command("list")
@click.option("--after", default=0, metavar="ID", help="Only numbers above this one.")
@limit
@as_json
@click.pass_context
def list_(ctx: click.Context, after: int, limit: int, as_json: bool) -> None:
    """List what is revoked, the oldest first."""
    found = ask(ctx, lambda database: revocations.listing(database, after=after, limit=limit))
    show(
        [_row(revocation) for revocation in found],
        ["id", "scheme", "credential", "agent", "issued_before", "reason", "expires_at"],
        as_json=as_json,
        empty="Nothing is revoked.",
    )
    if len(found) == limit:
        click.echo(f"There may be more: --after {found[-1].id}", err=True)


@group.command("remove", short_help="Take a revocation back.")
@click.argument("id", type=int)
@click.pass_context
def remove(ctx: click.Context, id: int) -> None:
    """Take the revocation of number ID back."""
    ask(ctx, lambda database: revocations.remove(database, id))
    click.echo(f"Removed the revocation {id}.")


def _words(made: Revocation) -> str:
    if made.credential is not None:
        return f"the {made.scheme} credential {made.credential}"
    of = f"{made.scheme} credential" if made.scheme else "credential"
    return f"every {of} that {made.agent} was issued before {shown(made.issued_before)}"


def _row(revocation: Revocation) -> Mapping[str, object]:
    return {
        "id": revocation.id,
        "scheme": revocation.scheme,
        "credential": revocation.credential,
        "agent": revocation.agent,
        "issued_before": shown(revocation.issued_before),
        "reason": revocation.reason,
        "created_at": shown(revocation.created_at),
        "expires_at": shown(revocation.expires_at),
    }
