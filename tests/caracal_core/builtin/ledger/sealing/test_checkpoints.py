"""Checkpoints are signed when they are due, kept, and hold the chain to what it was."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from caracal_core.builtin.ledger.sealing import checkpoints
from caracal_core.builtin.ledger.sealing.checkpoints import (
    sign_last,
    sign_when_due,
    stored,
    vouched_for,
)
from caracal_core.builtin.ledger.sealing.statement_form import checked
from caracal_core.errors import Failure
from caracal_core.storage.signing_key import SigningKey

KEY, OTHER = (SigningKey(Ed25519PrivateKey.from_private_bytes(bytes([n]) * 32)) for n in (1, 2))
KEYS = {KEY.id: KEY.public}


async def hash_of(database, number):
    (row,) = await database.fetch("SELECT hash FROM seals WHERE number = $1", number)
    return row["hash"]


async def numbers(database):
    return [each.number async for each in stored(database)]


async def test_the_last_seal_is_signed_and_kept(database, enter, seal):
    assert await sign_last(database, KEY) is None
    await enter(25)
    await seal(10)
    checkpoint = checked(await sign_last(database, KEY, 1000.5), KEYS)
    assert (checkpoint.number, checkpoint.last_id, checkpoint.signed_at) == (3, 25, 1000.5)
    assert bytes.fromhex(checkpoint.hash) == await hash_of(database, 3)
    assert await sign_last(database, OTHER)  # of one seal, the first statement is kept
    vouched = await vouched_for(database, KEYS)
    assert (vouched.hashes, vouched.false) == ({3: [await hash_of(database, 3)]}, None)


async def test_one_is_due_after_a_while_if_there_is_a_new_seal(database, enter, seal):
    assert not await sign_when_due(database, KEY, 60, 1000)
    await enter(1)
    await seal()
    assert await sign_when_due(database, KEY, 60, 1000)
    assert not await sign_when_due(database, KEY, 60, 2000)
    await enter(1)
    await seal()
    assert not await sign_when_due(database, KEY, 60, 1059)
    assert await sign_when_due(database, KEY, 60, 1060)
    assert await numbers(database) == [1, 2]


async def test_they_are_read_page_by_page(database, enter, seal, monkeypatch):
    monkeypatch.setattr(checkpoints, "_PAGE_ROWS", 2)
    for _ in range(5):
        await enter(1)
        await seal()
        await sign_last(database, KEY)
    assert await numbers(database) == [1, 2, 3, 4, 5]


async def test_what_is_stored_and_not_genuine_is_told(database, intruder, enter, seal):
    await enter(2)
    await seal(1)
    await sign_last(database, KEY)
    (kept,) = [each async for each in stored(database)]
    for number, statement in ((2, kept.statement[:-8] + "AAAAAAAA"), (1, kept.statement)):
        async with intruder.at_work():
            await intruder.execute(
                "UPDATE checkpoints SET number = $1, statement = $2", number, statement
            )
            assert f"checkpoint {number} is" in (await vouched_for(intruder, KEYS)).false
    assert "names the key" in (await vouched_for(database, {OTHER.id: OTHER.public})).false


async def test_given_ones_count_like_stored_ones(database, enter, seal):
    await enter(1)
    await seal()
    given = checked(await sign_last(database, KEY), KEYS)
    vouched = await vouched_for(database, KEYS, [given])
    assert vouched.hashes == {1: [await hash_of(database, 1)] * 2}


async def test_they_are_never_changed_or_removed(database, enter, seal):
    await enter(1)
    await seal()
    await sign_last(database, KEY)
    for statement in ("UPDATE checkpoints SET created_at = 0", "DELETE FROM checkpoints"):
        with pytest.raises(Failure):
            await database.execute(statement)
