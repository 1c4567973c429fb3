"""Records of archives are read strictly, stay, and are one a month."""

from __future__ import annotations

import pytest

from caracal_core.builtin.ledger.sealing.archives import FalseRecord, add, archives
from caracal_core.errors import Failure


async def test_a_record_is_read_as_it_was_stored(database, drafted):
    assert await archives(database) == []
    record = await drafted()
    assert record.runs == ((1, 5), (7, 7), (9, 9), (11, 11), (13, 13))
    await database.transact(lambda tx: add(tx, database, record))
    assert await archives(database) == [record]
    with pytest.raises(Failure):
        await database.transact(lambda tx: add(tx, database, record))
    for change in ("UPDATE archives SET entries = 1", "DELETE FROM archives"):
        with pytest.raises(Failure):
            await database.execute(change)


@pytest.mark.parametrize(
    "change",
    [
        "month = '2026-09'",
        "month = '2026-77'",
        "starts = starts - 1",
        "ends = ends + 1",
        "first_id = 2",
        "last_id = 12",
        "runs = '[]'",
        "runs = 'x'",
        "runs = '[[1, 5], [4, 13]]'",
        "runs = '[[1, 5], [9, 7], [11, 13]]'",
    ],
)
async def test_a_changed_record_is_found(database, archived, intruder, change):
    async with intruder.at_work():
        await intruder.execute(f"UPDATE archives SET {change}")  # noqa: S608 - the test's own
        with pytest.raises(FalseRecord, match="the record of the archive 2026-"):
            await archives(intruder)


async def test_no_two_records_name_the_same_entries(database, archived, intruder):
    other = """INSERT INTO archives
        SELECT '2026-09', starts - 30 * 86400.0, starts, first_id, last_id, entries, runs, file,
               sha256, archived_at FROM archives"""
    async with intruder.at_work():
        await intruder.execute(other)
        with pytest.raises(FalseRecord, match="two name the same entries"):
            await archives(intruder)
