"""``caracal ledger seal|checkpoint|verify``: proof that the journal is as it was written."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

import click
from msgspec import Struct

from caracal_core.assembly.masking import Masking
from caracal_core.assembly.secrets import MountedSecrets
from caracal_core.builtin.ledger.config import ChargesConfig
from caracal_core.builtin.ledger.plugin import ChargesPlugin
from caracal_core.builtin.ledger.sealing import public_key
from caracal_core.builtin.ledger.sealing.archive_file import ArchiveReader, BadArchive
from caracal_core.builtin.ledger.sealing.archived import Archived
from caracal_core.builtin.ledger.sealing.archives import Archive, FalseRecord, archives
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
from caracal_core.storage.prices import false_version
from caracal_core.storage.signing_key import WHERE, SigningKey, SigningKeyFile, thumbprint

SEAL_SECONDS = 30.0
"""How long sealing waits for transactions that are under way."""

existing = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command("seal")
@click.pass_context
def seal(ctx: click.Context) -> None:
    """Seal now what was entered.

    A gateway does so within seconds.
    """
    left = run(ctx, lambda database, loaded: seal_now(database, batch(loaded), SEAL_SECONDS))
    if left:
        fail(f"{left} entries are not final yet: what entered them, or others, is still under way.")
    click.echo("Everything that was entered is sealed.")


@click.command("checkpoint")
@click.option("--out", type=click.Path(path_type=Path), help="Write it to this new file.")
@click.pass_context
def checkpoint(ctx: click.Context, out: Path | None) -> None:
    """Sign the last seal.

    Kept elsewhere, the checkpoint proves everything up to that seal. It is a compact JWS, printed
    unless it is written to a file.
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
    """Print the public key that verifies checkpoints, in PEM."""
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
@click.option(
    "--archive",
    "files",
    type=existing,
    multiple=True,
    help="Compare this file of an archived month, too; may be given again.",
)
@as_json
@click.pass_context
def verify(
    ctx: click.Context,
    checkpoints: Sequence[Path],
    public_keys: Sequence[Path],
    files: Sequence[Path],
    as_json: bool,
) -> None:
    """Recompute every seal, and name the first wrong entry.

    Wrong is what is not as it was sealed. Then the sums by day are compared with the entries, and
    the terms of the configuration's prices with the digests that name them. Of a month that was
    archived, the chain of seals is verified, and the entries where its file is given.
    """
    keys = _public_keys(ctx, public_keys)
    if checkpoints and not keys:
        raise click.UsageError("A checkpoint can be checked with --public-key only.", ctx)
    given = [_read_checkpoint(path, keys) for path in checkpoints]

    with ExitStack() as stack:
        readers = [_open_archive(path, stack) for path in files]
        try:
            found = run(ctx, lambda database, _: _verified(database, keys, given, readers))
        except BadArchive as error:
            fail(f"{error}.")
    if as_json:
        click.echo(json.dumps(_document(found), indent=2))
    if found.fault:
        fail(f"The ledger is not as it was sealed: {found.fault}.")
    if not as_json:
        click.echo(_told(found, checked=bool(keys)))


class _Found(Struct, frozen=True):
    """What a walk found: the first fault by whatever it was found."""

    fault: str | None
    verdict: Verdict
    vouched: Vouched
    archives: Sequence[Archive] = ()
    unseen: Sequence[Archive] = ()


async def _verified(
    database: Database,
    keys: Mapping[str, bytes],
    given: Sequence[Checkpoint],
    readers: Sequence[ArchiveReader],
) -> _Found:
    vouched = await vouched_for(database, keys, given) if keys else Vouched({})
    try:
        records = await archives(database)
        archived = Archived(records, _recorded(readers, records))
    except FalseRecord as error:
        return _Found(str(error), Verdict(0, 0, 0, 0, None), vouched)
    walk = Verification(database, vouched.hashes, Progress("verified"), archived)
    verdict = await walk.verify()
    fault = verdict.fault.what if verdict.fault else vouched.false
    fault = fault or await false_day(database, archived) or await _false_price(database)
    return _Found(fault, verdict, vouched, records, archived.unseen)


async def _false_price(database: Database) -> str | None:
    """Return what is wrong with a version of the configuration's prices."""
    false = await false_version(database)
    if false is None:
        return None
    return f"the terms of {false.tariff}@{false.version} are not those it is named by"


def _recorded(
    readers: Sequence[ArchiveReader], records: Sequence[Archive]
) -> Sequence[ArchiveReader]:
    """Return the files, each of another month that the ledger says was archived."""
    months = [str(reader.month) for reader in readers]
    for month in months:
        if month not in {record.month for record in records}:
            raise FalseRecord(f"it has no record of an archive of {month}")
        if months.count(month) > 1:
            raise click.UsageError(f"Two files are archives of {month}; give one.")
    return readers


def _open_archive(path: Path, stack: ExitStack) -> ArchiveReader:
    try:
        return ArchiveReader(stack.enter_context(path.open("rb")), str(path))
    except BadArchive as error:
        fail(f"{error}.")
    except OSError as error:
        fail(f"{path} cannot be read: {error.strerror}.")


def _told(found: _Found, *, checked: bool) -> str:
    """Say in a paragraph what was proved and what was not."""
    verdict, hashes = found.verdict, found.vouched.hashes
    if not checked:
        signed = "No checkpoint was checked, for no public key is known."
    elif not hashes:
        signed = "There is no checkpoint of them."
    else:
        signed = f"Checkpoints of {len(hashes)} seals are reached, the last is of {max(hashes)}."
    hidden = "".join(
        f" Of the {each.entries} entries of {each.month}, archived in {each.file}, only the chain "
        "of seals was verified; --archive compares them."
        for each in found.unseen
    )
    return (
        f"{verdict.entries} entries under {verdict.seals} seals are as they were sealed. {signed} "
        f"{verdict.unsealed} entries are not sealed yet.{hidden}"
    )


def _document(found: _Found) -> Mapping[str, object]:
    verdict, place = found.verdict, found.verdict.fault
    return {
        "sound": found.fault is None,
        "fault": found.fault,
        "seal": place.seal if place else None,
        "entry": place.entry if place else None,
        "entries": verdict.entries,
        "seals": verdict.seals,
        "last_id": verdict.last_id,
        "unsealed": verdict.unsealed,
        "checkpoints": sorted(found.vouched.hashes),
        "archives": [
            {
                "month": each.month,
                "entries": each.entries,
                "file": each.file,
                "sha256": each.sha256,
                "compared": each not in found.unseen,
            }
            for each in found.archives
        ],
    }


def batch(loaded: Loaded) -> int:
    """Return how many entries one seal covers at most."""
    config = loaded.sections[ChargesPlugin.name]
    assert isinstance(config, ChargesConfig), "the schema made it"  # noqa: S101 - by construction
    return config.charges.seal_batch_size


def key_file(loaded: Loaded) -> SigningKeyFile:
    """Return the file of the signing key that the configuration names."""
    return SigningKeyFile(loaded.core.database, MountedSecrets(Masking()), makes=False)


def _signing_key(loaded: Loaded) -> SigningKey:
    key = key_file(loaded).read()
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
        own = key_file(load_configuration(ctx)).read()
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
