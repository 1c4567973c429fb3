"""A client's key is charged once: whatever is retried, from wherever, and however it ended."""

from __future__ import annotations

import asyncio

import pytest

from caracal_core.builtin.ledger.settling import End
from caracal_core.builtin.ledger.writing import reserve, settle, write
from caracal_core.domain import Reservation
from caracal_core.errors import BudgetExceeded, IdempotencyConflict
from caracal_core.storage.database import open_database
from caracal_core.testing.fakes import a_charge, usd

PRINT, OTHER = "0" * 64, "1" * 64


def with_key(key="k", fingerprint=PRINT, amount="0.25", agent="alice"):
    return a_charge(usd(amount), agent, key=key, fingerprint=fingerprint)


@pytest.fixture
async def keys(database):
    async def read():
        rows = await database.fetch(
            "SELECT key, charge, attempt FROM idempotency_keys ORDER BY key"
        )
        return [tuple(row.values()) for row in rows]

    return read


async def conflict(database, charge):
    with pytest.raises(IdempotencyConflict) as caught:
        await reserve(database, charge, "own")
    return caught.value.code, caught.value.charge


async def test_a_key_is_held_once_and_charged_once(database, give_budget, counts, keys):
    """While it is in flight, and for good once anything was posted; by another agent it is free."""
    await give_budget("alice", usd("1"))
    await give_budget("bob", usd("1"))
    first = with_key()
    assert (await reserve(database, first, "own")).id == first.id
    assert (await reserve(database, first, "own")).id == first.id
    assert await conflict(database, with_key()) == ("idempotency_in_flight", first.id)
    assert await conflict(database, with_key(fingerprint=OTHER)) == (
        "idempotency_key_reused", first.id,
    )  # fmt: skip
    await settle(database, End(first.id, "cut", usd("0.1"), "metered"))
    assert await conflict(database, with_key()) == ("already_charged", first.id)
    assert await conflict(database, with_key(fingerprint=OTHER)) == (
        "idempotency_key_reused", first.id,
    )  # fmt: skip
    other = with_key(agent="bob")
    assert (await reserve(database, other, "own")).id == other.id
    assert await counts("alice") == [(100_000, 0, 0)]
    assert await keys() == [("k", first.id, first.id), ("k", other.id, other.id)]


async def test_after_a_void_the_key_is_tried_again_under_the_same_public_id(
    database, give_budget, counts, keys, balanced
):
    """However often; the attempt is ended by its own id, and the journal shows the public one."""
    await give_budget("alice", usd("1"))
    first, second, third = with_key(), with_key(), with_key()
    await reserve(database, first, "own")
    await settle(database, End(first.id, "not_sent"))
    held, other = await write(database, "own", [second, with_key("l")], [])
    assert (held.id, other.id != first.id) == (first.id, True)
    assert (await reserve(database, second, "own")).id == first.id
    await settle(database, End(second.id, "not_sent"))
    assert (await reserve(database, third, "own")).id == first.id
    posted = await settle(database, End(third.id, "reply", usd("0.2"), "held"))
    assert posted.receipt.id == third.id
    assert await conflict(database, with_key()) == ("already_charged", first.id)
    rows = await database.fetch("SELECT charge, kind FROM entries ORDER BY id")
    assert [tuple(row.values()) for row in rows] == [
        (first.id, "voided"), (first.id, "voided"), (first.id, "posted"),
    ]  # fmt: skip
    assert (await keys())[0] == ("k", first.id, third.id)
    assert await counts("alice") == [(200_000, 250_000, 0)]
    assert await balanced()


async def test_a_refused_charge_leaves_its_key_as_it_was(database, give_budget, keys):
    """Fresh or known; the next that fits is held."""
    await give_budget("alice", usd("1"))
    with pytest.raises(BudgetExceeded):
        await reserve(database, with_key(amount="2"), "own")
    assert await keys() == []
    first = with_key()
    await reserve(database, first, "own")
    await settle(database, End(first.id, "not_sent"))
    with pytest.raises(BudgetExceeded):
        await reserve(database, with_key(amount="2"), "own")
    assert await keys() == [("k", first.id, first.id)]
    assert (await reserve(database, with_key(), "own")).id == first.id


async def test_a_void_that_was_paid_for_after_all_keeps_its_key(database, give_budget):
    """An adjustment is a charge too."""
    await give_budget("alice", usd("1"))
    first = with_key()
    await reserve(database, first, "own")
    await settle(database, End(first.id, "client_gone"))
    await settle(database, End(first.id, "reply", usd("0.2"), "metered"))
    assert await conflict(database, with_key()) == ("already_charged", first.id)


async def test_one_batch_holds_a_key_once(database, give_budget, counts, keys):
    """Whoever comes second finds the first in flight, or another request."""
    await give_budget("alice", usd("1"))
    first = with_key()
    verdicts = await write(
        database,
        "own",
        [first, with_key(), with_key(fingerprint=OTHER), a_charge(usd("0.1"), "alice")],
        [],
    )
    assert [type(verdict) for verdict in verdicts] == [
        Reservation, IdempotencyConflict, IdempotencyConflict, Reservation,
    ]  # fmt: skip
    assert {verdict.charge for verdict in verdicts[1:3]} == {first.id}
    assert await keys() == [("k", first.id, first.id)]
    assert await counts("alice") == [(0, 350_000, 0)]


async def test_of_two_replicas_with_the_same_new_key_one_holds(postgres_config, balanced_books):
    """At the same moment; the other waits for the key, then finds it in flight."""
    async with open_database(postgres_config) as one, open_database(postgres_config) as other:
        await balanced_books.fund(one, "alice", usd("1000"))
        await reserve(one, a_charge(usd("0.1"), "alice"), "own")
        for number in range(20):
            verdicts = await asyncio.gather(
                *(
                    write(database, "own", [with_key(f"k{number}")], [])
                    for database in (one, other, one, other)
                )
            )
            kinds = [type(verdict) for (verdict,) in verdicts]
            assert kinds.count(Reservation) == 1
            assert kinds.count(IdempotencyConflict) == 3
        assert await balanced_books.wrong(one) == []


async def test_a_refused_charge_that_was_voided_does_not_take_the_key(database, give_budget, keys):
    """Asked for again after its void, it leaves the key as free as it was."""
    await give_budget("alice", usd("0.1"))
    charge = with_key()
    await write(database, "own", [charge], [End(charge.id, "not_sent")])
    (verdict,) = await write(database, "own", [charge], [])
    assert not isinstance(verdict, Reservation)
    assert await keys() == []
