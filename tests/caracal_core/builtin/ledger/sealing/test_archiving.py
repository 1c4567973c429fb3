"""A month leaves the journal whole or not at all, and only what was sealed."""

from __future__ import annotations

import msgspec
import pytest

from caracal_core.builtin.ledger.errors import LedgerError
from caracal_core.builtin.ledger.sealing import archives, archiving
from caracal_core.builtin.ledger.sealing.month import Month
from caracal_core.builtin.ledger.selection import Selection
from caracal_core.builtin.ledger.summary import summary
from caracal_core.errors import Failure


async def ids(database):
    return [row["id"] for row in await database.fetch("SELECT id FROM entries ORDER BY id")]


OCTOBER, NOVEMBER = Month(2026, 10), Month(2026, 11)
LEFT = [6, 8, 10, 12, *range(14, 19)]


async def test_a_months_entries_leave_and_all_others_stay(database, drafted, monkeypatch):
    """In steps where there are no partitions; the sums stay as they were."""
    monkeypatch.setattr(archiving, "STEP", 2)
    assert await archiving.months_before(database, NOVEMBER) == [OCTOBER]
    before = await summary(database, "agent", limit=10)
    await archiving.remove(database, await drafted())
    assert await ids(database) == LEFT
    assert await archiving.months_before(database, NOVEMBER) == []
    assert await archiving.months_before(database, NOVEMBER.next) == [NOVEMBER]
    assert await summary(database, "agent", limit=10) == before


async def test_a_try_that_fails_changes_nothing_and_may_be_repeated(database, drafted, monkeypatch):
    """At its last step, whichever that is."""
    record, original = await drafted(), archiving._agree

    def fails(*_):
        original(*_)
        raise Failure("test", "broken off")

    with monkeypatch.context() as patched:
        patched.setattr(archiving, "_agree", fails)
        with pytest.raises(Failure, match="broken off"):
            await archiving.remove(database, record)
    assert len(await ids(database)) == 18
    assert await archives.archives(database) == []
    await archiving.remove(database, record)
    assert await ids(database) == LEFT


async def test_a_month_that_is_not_as_its_file_stays(database, drafted):
    record = await drafted()
    with pytest.raises(LedgerError, match="2026-10 has 9 entries now, and its file 8"):
        await archiving.remove(database, msgspec.structs.replace(record, entries=8))
    assert len(await ids(database)) == 18


async def test_an_entry_of_the_month_that_is_not_sealed_keeps_it_here(database, enter, drafted):
    record = await drafted()
    await enter(1, created_at=OCTOBER.starts)
    with pytest.raises(LedgerError):
        await archiving.refuse_unsealed(database, OCTOBER.ends)
    with pytest.raises(LedgerError):
        await archiving.remove(database, record)
    assert len(await ids(database)) == 19
    await archiving.refuse_unsealed(database, OCTOBER.starts)


async def test_rows_that_were_not_archived_still_cannot_be_removed(database, archived):
    with pytest.raises(Failure):
        await database.execute("DELETE FROM entries WHERE id = 8")


async def test_months_that_alternate_too_often_are_told(database, drafted, monkeypatch):
    """Their record would become as large as they are."""
    monkeypatch.setattr(archiving, "MOST_RUNS", 4)
    with pytest.raises(LedgerError, match="alternate too often"):
        await drafted()


async def test_a_part_of_an_archived_day_has_no_sum(database, archived):
    """Rather than one that is too small; whole days have theirs."""
    for span in ({"since": OCTOBER.ends - 500}, {"until": OCTOBER.ends - 500}):
        with pytest.raises(LedgerError, match="2026-10 are archived, in october"):
            await summary(database, "agent", Selection(**span), limit=10)
    for span in ({"since": OCTOBER.ends + 500}, {"until": OCTOBER.ends}, {"since": OCTOBER.starts}):
        assert await summary(database, "agent", Selection(**span), limit=10)


async def test_a_chain_that_is_broken_is_told(database, months, intruder, tmp_path):
    """Before anything else: what it covers cannot be proved."""
    async with intruder.at_work():
        await intruder.execute("DELETE FROM seals WHERE number = 3")
        with (tmp_path / "file").open("wb") as out, pytest.raises(LedgerError) as caught:
            await archiving.write(intruder, OCTOBER, out)
    assert str(caught.value) == (
        "The ledger is not as it was sealed: seal 3 is missing: seal 4 comes in its place."
    )
