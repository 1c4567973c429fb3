"""Seals are read strictly: what is none is told apart, wherever it came from."""

from __future__ import annotations

import pytest

from caracal_core.builtin.ledger.sealing import seals
from caracal_core.builtin.ledger.sealing.chain import Head, chained
from caracal_core.builtin.ledger.sealing.entry_form import LABEL_BYTES
from caracal_core.errors import Failure
from caracal_core.storage.errors import ConstraintViolated

LABELS = bytes(LABEL_BYTES)
FIRST = chained(None, 5, LABELS, 12.5)
SECOND = chained(FIRST, 6, LABELS, 13.0)


async def test_a_seal_is_read_as_it_was_stored(database):
    assert await seals.last(database) is None
    await seals.add(database, FIRST, LABELS)
    await seals.add(database, SECOND, LABELS)
    assert await seals.last(database) == SECOND
    assert await seals.page(database, None, 10) == [FIRST, SECOND]
    assert await seals.page(database, 1, 10) == [SECOND]
    assert await seals.page(database, None, 1) == [FIRST]
    assert await seals.labels(database, 1, 1) == {1: LABELS}


async def test_there_is_one_of_each_number(database):
    await seals.add(database, FIRST, LABELS)
    with pytest.raises(ConstraintViolated):
        await seals.add(database, FIRST, LABELS)


async def test_one_whose_values_are_of_other_types_is_no_seal(intruder):
    """SQLite stores any value in any column."""
    if intruder.dialect == "postgresql":
        return
    async with intruder.at_work():
        await seals.add(intruder, FIRST, LABELS)
        await intruder.execute("UPDATE seals SET hash = 'text'")
        (row,) = await seals.page(intruder, None, 10)
        assert not isinstance(row, Head)
        with pytest.raises(Failure, match="tampered"):
            await seals.last(intruder)
