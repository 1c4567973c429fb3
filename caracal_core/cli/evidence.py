"""``caracal ledger seal|checkpoint|verify``: proof that the journal is as it was written."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import click

from caracal_core.assembly.masking import Masking
from caracal_core.assembly.secrets import MountedSecrets
from caracal_core.builtin.ledger.config import ChargesConfig
from caracal_core.builtin.ledger.plugin import ChargesPlugin
from caracal_core.builtin.ledger.sealing import public_key
from caracal_core.builtin.ledger.sealing.checkpoints import Vouched, sign_last, vouched_for
from caracal_core.builtin.ledger.sealing.day_check import false_day
from caracal_core.builtin.ledger.sealing.sealer import seal_now
from caracal_core.builtin.ledger.sealing.statement_form import (
    LONGEST,
    BadStatement,
    Checkpoint,
    checked,
)
from caracal_core.builtin.ledger.sealing.verification import Verdict, Verification
from caracal_core.cli.asking import as_json
from caracal_core.cli.new_files import PUBLIC, write_new
from caracal_core.cli.output import fail
from caracal_core.cli.progress import Progress
from caracal_core.cli.session import load_configuration, run
from caracal_core.config.load import Loaded
from caracal_core.errors import Misconfigured
from caracal_core.ports import Database
from caracal_core.storage.signing_key import WHERE, SigningKey, SigningKeyFile, thumbprint

SEAL_SECONDS = 30.0
"""How long sealing waits for transactions that are under way."""

existing = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command("seal")
@click.pass_context
def seal(ctx: click.Context) -> None:
    """Seal now what was entered, instead of within seconds by a gateway."""
    left = run(ctx, lambda database, loaded: seal_now(database, _batch(loaded), SEAL_SECONDS))
    if left:
        fail(f"{left} entries are not final yet: what entered them, or others, is still under way.")
    click.echo("Everything that was entered is sealed.")


@click.command("checkpoint")
@click.option("--out", type=click.Path(path_type=Path), help="Write it to this new file.")
@click.pass_context
def checkpoint(ctx: click.Context, out: Path | None) -> None:
    """Sign the last seal; kept elsewhere, it proves everything up to that seal.

    It is a compact JWS, printed unless it is written to a file.
    """
    key = _signing_key(load_configuration(ctx))
    statement = run(ctx, lambda database, _: sign_last(database, key))
    if statement is None:
        fail("Nothing is sealed yet; `caracal ledger seal` seals what was entered.")
    if out is None:
        click.echo(statement)
        return
    try:
        write_new(out, f"{statement}\n".encode(), PUBLIC)
    except OSError as error:
        fail(f"{out} cannot be written: {error.strerror}.")
    click.echo(f"Wrote {out}; keep it where the database's owner cannot change it.")


@click.command("public-key")
@click.pass_context
def public_key_(ctx: click.Context) -> None:
    """Print the public key in PEM, for verifying checkpoints elsewhere."""
    click.echo(public_key.written(_signing_key(load_configuration(ctx)).public), nl=False)


@click.command("verify")
@click.option(
    "--checkpoint",
    "checkpoints",
    type=existing,
    multiple=True,
    help="The chain has to reach this exported checkpoint; may be given again.",
)
@click.option(
    "--public-key",
    "public_keys",
    type=existing,
    multiple=True,
    help="Who signs checkpoints, instead of this deployment's own key; may be given again.",
)
@as_json
@click.pass_context
def verify(
    ctx: click.Context, checkpoints: Sequence[Path], public_keys: Sequence[Path], as_json: bool
) -> None:
    """Recompute every seal from the entries, and name the first that is not as it was sealed.

    Then the sums by day are compared with the entries.
    """
    keys = _public_keys(ctx, public_keys)
    if checkpoints and not keys:
        raise click.UsageError("A checkpoint can be checked with --public-key only.", ctx)
    given = [_read_checkpoint(path, keys) for path in checkpoints]

    async def work(database: Database, _: Loaded) -> tuple[Verdict, Vouched, str | None]:
        vouched = await vouched_for(database, keys, given) if keys else Vouched({})
        walk = Verification(database, vouched.hashes, Progress("verified"))
        verdict = await walk.verify()
        fault = verdict.fault.what if verdict.fault else vouched.false
        return verdict, vouched, fault or await false_day(database)

    verdict, vouched, fault = run(ctx, work)
    if as_json:
        click.echo(json.dumps(_document(verdict, vouched, fault), indent=2))
    if fault:
        fail(f"The ledger is not as it was sealed: {fault}.")
    if not as_json:
        click.echo(_told(verdict, vouched if keys else None))


def _told(verdict: Verdict, vouched: Vouched | None) -> str:
    """Say in a paragraph what was proved and what was not."""
    if vouched is None:
        signed = "No checkpoint was checked, for no public key is known."
    elif not vouched.hashes:
        signed = "There is no checkpoint of them."
    else:
        last = max(vouched.hashes)
        signed = f"Checkpoints of {len(vouched.hashes)} seals are reached, the last is of {last}."
    return (
        f"{verdict.entries} entries under {verdict.seals} seals are as they were sealed. {signed} "
        f"{verdict.unsealed} entries are not sealed yet."
    )


def _document(verdict: Verdict, vouched: Vouched, fault: str | None) -> Mapping[str, object]:
    found = verdict.fault
    return {
        "sound": fault is None,
        "fault": fault,
        "seal": found.seal if found else None,
        "entry": found.entry if found else None,
        "entries": verdict.entries,
        "seals": verdict.seals,
        "last_id": verdict.last_id,
        "unsealed": verdict.unsealed,
        "checkpoints": sorted(vouched.hashes),
    }


def _batch(loaded: Loaded) -> int:
    config = loaded.sections[ChargesPlugin.name]
    assert isinstance(config, ChargesConfig), "the schema made it"  # noqa: S101 - by construction
    return config.charges.seal_batch_size


def _key_file(loaded: Loaded) -> SigningKeyFile:
    return SigningKeyFile(loaded.core.database, MountedSecrets(Masking()), makes=False)


def _signing_key(loaded: Loaded) -> SigningKey:
    key = _key_file(loaded).read()
    if key is None:
        raise Misconfigured(
            WHERE,
            "there is no signing key",
            "Name the file of an Ed25519 key; the embedded store's is made by `caracal serve`.",
        )
    return key


def _public_keys(ctx: click.Context, paths: Sequence[Path]) -> Mapping[str, bytes]:
    """Return who may have signed, by the ids of their keys."""
    if not paths:
        own = _key_file(load_configuration(ctx)).read()
        return {own.id: own.public} if own else {}
    found = {}
    for path in paths:
        try:
            public = public_key.read(path.read_bytes())
        except (OSError, ValueError):
            fail(f"{path} is no Ed25519 public key in PEM; `caracal ledger public-key` prints it.")
        found[thumbprint(public)] = public
    return found


def _read_checkpoint(path: Path, keys: Mapping[str, bytes]) -> Checkpoint:
    try:
        with path.open("rb") as file:
            statement = file.read(LONGEST + 1).decode("ascii").strip()
        return checked(statement, keys)
    except OSError as error:
        fail(f"{path} cannot be read: {error.strerror}.")
    except UnicodeDecodeError:
        fail(f"{path} is no genuine checkpoint: it is no compact JWS.")
    except BadStatement as error:
        fail(f"{path} is no genuine checkpoint: {error}.")
