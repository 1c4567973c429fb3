"""``caracal ledger archive``: whole months leave the journal for files that prove themselves."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import click
from msgspec import Struct

from caracal_core.builtin.ledger.errors import LedgerError
from caracal_core.builtin.ledger.expiry import now
from caracal_core.builtin.ledger.sealing import archives, archiving
from caracal_core.builtin.ledger.sealing.archive_file import ArchiveReader, BadArchive
from caracal_core.builtin.ledger.sealing.archived import Archived
from caracal_core.builtin.ledger.sealing.archives import Archive, FalseRecord
from caracal_core.builtin.ledger.sealing.archiving import Draft
from caracal_core.builtin.ledger.sealing.checkpoints import Vouched, sign_last, vouched_for
from caracal_core.builtin.ledger.sealing.day_check import false_day
from caracal_core.builtin.ledger.sealing.draft_file import DraftFile
from caracal_core.builtin.ledger.sealing.month import Month, month_of, parse_month
from caracal_core.builtin.ledger.sealing.sealer import seal_now
from caracal_core.builtin.ledger.sealing.verification import Verification
from caracal_core.cli.evidence import SEAL_SECONDS, batch, key_file
from caracal_core.cli.output import fail
from caracal_core.cli.progress import Progress
from caracal_core.cli.session import run
from caracal_core.config.load import Loaded
from caracal_core.ports import Database


def _month(_ctx: click.Context, _parameter: click.Parameter, value: str) -> Month:
    try:
        return parse_month(value)
    except ValueError as error:
        raise click.BadParameter(f"{error}.") from None


@click.command("archive")
@click.option(
    "--before",
    required=True,
    callback=_month,
    metavar="YYYY-MM",
    help="Archive the months before this one, in UTC.",
)
@click.option(
    "--out",
    required=True,
    type=click.Path(exists=True, file_okay=False, writable=True, path_type=Path),
    help="Write the files into this directory, which must be there.",
)
@click.pass_context
def archive(ctx: click.Context, before: Month, out: Path) -> None:
    """Move months out of the ledger into files, one each.

    With the entries go the seals that prove them. The ledger is verified, and the files are read
    back and compared with the seals, before anything is removed. Sums by day, seals and checkpoints
    stay. Run it as the owner of the tables; it may be broken off at any time and repeated.
    """
    try:
        run(ctx, lambda database, loaded: _archive(database, loaded, before, out))
    except (LedgerError, FalseRecord, BadArchive) as error:
        fail(str(error))
    except OSError as error:
        fail(f"The archive cannot be written to {out}: {error.strerror}.")


class _Filed(Struct, frozen=True):
    draft: Draft
    file: DraftFile


async def _archive(database: Database, loaded: Loaded, before: Month, out: Path) -> None:
    current = month_of(await now(database))
    if before > current:
        raise LedgerError(f"{current} is not over: write --before {current} or earlier.")
    await seal_now(database, batch(loaded), SEAL_SECONDS)
    await archiving.refuse_unsealed(database, before.starts)
    key = key_file(loaded).read()
    if key is not None:
        await sign_last(database, key)
    months = await archiving.months_before(database, before)
    with ExitStack() as stack:
        filed = [await _write(database, month, out, stack) for month in months]
        if filed:
            await _verify(database, {key.id: key.public} if key else {}, filed)
        for each in filed:
            name = await _remove(database, each)
            click.echo(f"Archived {each.draft.entries} entries of {each.draft.month} in {name}.")
    if not months:
        click.echo(f"Nothing that was entered before {before} is left to archive.")


async def _write(database: Database, month: Month, out: Path, stack: ExitStack) -> _Filed:
    file = DraftFile(out)
    stack.callback(file.discard)
    await archiving.gather(database, month)
    draft = await archiving.write(database, month, file.file)
    file.finish()
    return _Filed(draft, file)


async def _verify(database: Database, keys: dict[str, bytes], filed: Sequence[_Filed]) -> None:
    """Verify the ledger, and the files with it: what the seals vouch for is in them."""
    vouched = await vouched_for(database, keys) if keys else Vouched({})
    records = await archives.archives(database)
    readers = [ArchiveReader(each.file.file, str(each.draft.month)) for each in filed]
    walk = Verification(database, vouched.hashes, Progress("verified"), Archived(records, readers))
    verdict = await walk.verify()
    fault = verdict.fault.what if verdict.fault else vouched.false
    fault = fault or await false_day(database, Archived(records))
    if fault:
        raise LedgerError(f"The ledger is not as it was sealed: {fault}. Nothing was removed.")


async def _remove(database: Database, filed: _Filed) -> str:
    draft, file = filed.draft, filed.file
    name = f"ledger-{draft.month}-{file.sha256[:16]}.jsonl.gz"
    file.publish(name)
    runs = draft.runs
    span = (draft.month.starts, draft.month.ends, runs[0][0], runs[-1][1])
    record = Archive(str(draft.month), *span, draft.entries, runs, name, file.sha256)
    await archiving.remove(database, record)
    return name
