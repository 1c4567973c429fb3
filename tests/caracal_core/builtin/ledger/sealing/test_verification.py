"""What an intruder without the signing key can do shows, as far as a checkpoint reaches.

Random tamperings are in `test_verification_tampering`.
"""

from __future__ import annotations

import pytest

from caracal_core.builtin.ledger.sealing import seals, walk
from caracal_core.builtin.ledger.sealing.sealer import seal as seal_next
from caracal_core.builtin.ledger.sealing.verification import Verification

BELOW = """
INSERT INTO entries (id, charge, kind, agent, route, request, currency, held_micro, amount_micro,
                     cause, created_at)
VALUES (-3, 'c', 'posted', 'a', 'r', 'q', 'USD', 0, 0, 'reply', 0)
"""


async def hashes(database, *numbers):
    rows = await database.fetch("SELECT number, hash FROM seals")
    return {row["number"]: [row["hash"]] for row in rows if row["number"] in numbers}


async def rewrite(intruder, after):
    """Seal everything anew behind a seal, as one who knows how it is done."""
    await intruder.execute("DELETE FROM seals WHERE number > $1", after)

    class Within:
        dialect = intruder.dialect

        async def transact(self, work):
            return await work(intruder)

    while await seal_next(Within(), 10**9, 10):
        pass


async def test_a_chain_written_anew_does_not_reach_the_checkpoint(database, enter, seal, intruder):
    """Without one it would pass: that is what checkpoints that are kept elsewhere are for."""
    await enter(30)
    await seal(10)
    expected = await hashes(database, 1, 2)
    async with intruder.at_work():
        await intruder.execute("UPDATE entries SET amount_micro = 1 WHERE id = 12")
        assert "entry 12 was changed" in await fault(intruder, expected)
        await rewrite(intruder, 1)
        assert await fault(intruder, {}) is None
        assert "seal 2 is not the one that its checkpoint was signed for" in await fault(
            intruder, expected
        )


async def test_what_came_after_the_last_checkpoint_can_be_cut_off_unseen(
    database, enter, seal, intruder
):
    """A limit that is stated, and the reason to export checkpoints often."""
    await enter(30)
    await seal(10)
    before, last = await hashes(database, 2), await hashes(database, 3)
    async with intruder.at_work():
        await intruder.execute("DELETE FROM seals WHERE number = 3")
        await intruder.execute("DELETE FROM entries WHERE id > 20")
        assert await fault(intruder, before) is None
        assert "ends with seal 2, before the checkpoint 3" in await fault(intruder, last)


async def fault(database, expected):
    found = (await Verification(database, expected).verify()).fault
    return found.what if found else None


async def test_an_entry_below_all_ids_was_added(intruder, database, enter, seal):
    """Be there a seal yet or not."""
    assert await fault(database, {}) is None
    async with intruder.at_work():
        await intruder.execute(BELOW)
        assert await fault(intruder, {}) == "entry -3 was added (seal 1)"
    await enter(3)
    await seal()
    async with intruder.at_work():
        await intruder.execute(BELOW)
        assert await fault(intruder, {}) == "entry -3 was added (seal 1)"


async def test_any_number_of_small_seals_is_walked_in_pages(enter, seal, verified, monkeypatch):
    monkeypatch.setattr(walk, "_HEADS", 3)
    monkeypatch.setattr(walk, "MOST_ENTRIES", 4)
    await enter(11)
    await seal(1)
    assert await verified() == (11, 11, 0)


async def test_it_tells_how_far_it_is(database, enter, seal, monkeypatch):
    monkeypatch.setattr(walk, "MOST_ENTRIES", 4)
    await enter(6)
    await seal(2)
    told = []
    await Verification(database, {}, told.append).verify()
    assert told == [4, 6]


async def test_a_seal_whose_labels_vanish_meanwhile_is_told(database, enter, seal, monkeypatch):
    await enter(2)
    await seal()

    async def nothing(*_):
        return {}

    monkeypatch.setattr(seals, "labels", nothing)
    assert "seal 1 was changed" in await fault(database, {})


@pytest.mark.parametrize("text", [b"\xff", b"a\xff\xfe"])
async def test_an_entry_that_no_text_can_be_read_from_is_a_changed_one(intruder, enter, seal, text):
    """It is named too, though the database cannot read the page that it stands in."""
    await enter(5)
    await seal()
    if intruder.dialect == "postgresql":
        return  # it stores no such text
    async with intruder.at_work():
        await intruder.execute("UPDATE entries SET agent = CAST($1 AS TEXT) WHERE id = 3", text)
        assert await fault(intruder, {}) == "entry 3 was changed (seal 1)"
