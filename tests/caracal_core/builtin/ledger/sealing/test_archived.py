"""Rows may be missing where a record says so, and nowhere else; files stand in for them."""

from __future__ import annotations

import pytest

from caracal_core.builtin.ledger.sealing.archived import Archived
from caracal_core.builtin.ledger.sealing.archives import archives
from caracal_core.builtin.ledger.sealing.day_check import false_day
from caracal_core.builtin.ledger.sealing.month import Month

OCTOBER = Month(2026, 10)
ADD = """
INSERT INTO entries (id, charge, kind, agent, route, request, currency, held_micro, amount_micro,
                     cause, created_at)
VALUES (3, 'c', 'posted', 'a', 'r', 'q', 'USD', 0, 0, 'reply', $1)
"""


async def test_the_chain_over_archived_entries_is_verified(verified, archived):
    """Without their file they are not among those that were verified, with it they are."""
    assert await verified() == (9, 5, 0)
    assert await verified(files=[archived]) == (18, 5, 0)


async def test_rows_that_are_missing_without_a_record_are(verified, archived, intruder):
    async with intruder.at_work():
        await intruder.execute("DELETE FROM archives")
        assert await verified(within=intruder) == "entry 1 is missing (seal 1)"


async def test_rows_of_other_months_are_missed(verified, archived, intruder):
    async with intruder.at_work():
        await intruder.execute("DELETE FROM entries WHERE id = 8")
        assert await verified(within=intruder) == "entry 8 is missing (seal 2)"


@pytest.mark.parametrize(
    "change", ["entries = entries + 1", "runs = '[[1, 8], [9, 9], [11, 11], [13, 13]]'"]
)
async def test_a_record_that_counts_other_entries_is_found(verified, archived, intruder, change):
    """Be it that it names another month's, which were removed with it."""
    async with intruder.at_work():
        await intruder.execute(f"UPDATE archives SET {change}")  # noqa: S608 - the test's own
        if "runs" in change:
            await intruder.execute("DELETE FROM entries WHERE id = 6 OR id = 8")
        found = await verified(within=intruder)
        assert found == "the record of the archive 2026-10 was changed: it counts other entries"


async def test_a_record_of_more_than_its_file_is_found_by_the_file(verified, archived, intruder):
    """The record alone cannot tell: it says of rows that they were archived."""
    async with intruder.at_work():
        runs = "[[1, 8], [9, 9], [11, 11], [13, 13]]"
        await intruder.execute(f"UPDATE archives SET entries = 11, runs = '{runs}'")  # noqa: S608
        await intruder.execute("DELETE FROM entries WHERE id = 6 OR id = 8")
        assert await verified(within=intruder) == (7, 5, 0)
        assert "entry 6 is missing" in await verified(within=intruder, files=[archived])


async def test_an_archived_row_that_stands_here_again_was_added(verified, archived, intruder):
    async with intruder.at_work():
        await intruder.execute(ADD, OCTOBER.starts)
        assert await verified(within=intruder) == "entry 3 was added (seal 1)"


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        (b"request-2", b"request-9", "entry 3 was changed (seal 1)"),
        (b"[13,", b"[99,", "entry 13 is missing"),
    ],
)
async def test_a_files_rows_are_compared(verified, archived, rewritten, old, new, found):
    path = rewritten(archived, lambda lines: swapped(lines, old, new))
    assert found in await verified(files=[path])


def swapped(lines, old, new):
    return [line.replace(old, new) for line in lines]


async def test_a_row_behind_the_chains_end_was_added_to_the_file(verified, archived, rewritten):
    def change(lines):
        last = next(line for line in reversed(lines) if line.startswith(b"["))
        return [*lines[:-1], last.replace(b"[13,", b"[99,"), lines[-1].replace(b"9", b"10", 1)]

    rewritten(archived, change)
    assert await verified(files=[archived]) == "entry 99 was added to the archive 2026-10"


async def test_a_file_of_a_month_that_is_still_here_has_the_same_rows(
    verified, drafted, tmp_path, rewritten
):
    """As `caracal ledger archive` compares them before it removes any."""
    path = tmp_path / (await drafted()).file
    assert await verified(files=[path]) == (18, 5, 0)
    rewritten(path, lambda lines: swapped(lines, b"request-2", b"request-9"))
    assert "entry 3 was" in await verified(files=[path])


async def test_sums_by_day_still_agree(database, archived, intruder, open_archive):
    """With the file they are compared, without it the days that were archived are left out."""

    async def false(within, *files):
        stands_in = Archived(await archives(within), [open_archive(file) for file in files])
        stands_in.with_files([], 2**62)
        return await false_day(within, stands_in)

    assert await false(database) is None
    assert await false(database, archived) is None
    async with intruder.at_work():
        await intruder.execute(
            "UPDATE spend_days SET amount_rest = amount_rest + 1 WHERE day < $1", OCTOBER.days[1]
        )
        assert await false(intruder) is None
        assert "2026-10-31" in await false(intruder, archived)


async def test_a_day_that_no_calendar_has_is_found_beside_a_file(archived, intruder, open_archive):
    """Whoever tampers need not keep to the calendar."""
    async with intruder.at_work():
        await intruder.execute(
            "INSERT INTO spend_days SELECT day + 2000000000, agent, route, currency, calls, voided,"
            " adjusted, amount_whole, amount_rest, held_whole, held_rest, first_id, last_id"
            " FROM spend_days"
        )
        stands_in = Archived(await archives(intruder), [open_archive(archived)])
        stands_in.with_files([], 2**62)
        assert "day 20000" in await false_day(intruder, stands_in)
