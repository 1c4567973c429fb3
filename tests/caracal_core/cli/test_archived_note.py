"""What a listing leaves out is named, where it would have been in it."""

from __future__ import annotations

import pytest

from caracal_core.builtin.ledger.sealing.archives import Archive, add
from caracal_core.builtin.ledger.selection import Selection
from caracal_core.cli.archived_note import note_archived

JUNE, JULY = 1_780_272_000.0, 1_782_864_000.0


@pytest.mark.parametrize(
    ("span", "told"),
    [
        ({}, True),
        ({"since": JULY - 1}, True),
        ({"until": JUNE + 1}, True),
        ({"since": JULY}, False),
        ({"until": JUNE}, False),
    ],
)
async def test_archived_months_of_the_span_are_named(database, capsys, span, told):
    record = Archive("2026-06", JUNE, JULY, 1, 1, 1, ((1, 1),), "the-file", "0" * 64)
    await database.transact(lambda tx: add(tx, database, record))
    await note_archived(database, Selection(**span))
    captured = capsys.readouterr()
    wanted = "Entries of 2026-06 are left out: they are in the-file.\n" if told else ""
    assert (captured.out, captured.err) == ("", wanted)
