"""Holds live as long as their owner renews them; others are resolved once, by their own rule."""

from __future__ import annotations

import asyncio

import pytest

from caracal_core.builtin.ledger.expiry import Resolved, renew, resolve
from caracal_core.builtin.ledger.settling import End
from caracal_core.builtin.ledger.writing import reserve, settle
from caracal_core.storage.database import open_database
from caracal_core.testing.fakes import a_charge, usd

from .row_locks import HOLD, WINDOW

START = 1_795_400_000.0
HOUR = 3600.0
HELD = usd("0.1")


@pytest.fixture
async def hold(database, give_budget):
    """Hold 0.1 USD for 300 seconds from START; return the charge's id."""
    await give_budget("alice", usd("100"))

    async def hold(owner="mine", **terms):
        charge = a_charge(usd("0.1"), "alice", **terms)
        await reserve(database, charge, owner, START)
        return charge.id

    return hold


@pytest.fixture
async def expiry(database):
    async def read(id):
        (row,) = await database.fetch("SELECT expires_at FROM reservations WHERE id = $1", id)
        return row["expires_at"] - START

    return read


async def test_a_hold_is_renewed_by_its_owner_only(database, hold, expiry):
    mine, other = await hold("mine"), await hold("other")
    assert await renew(database, "mine", 300, HOUR, START + 200) == 1
    assert (await expiry(mine), await expiry(other)) == (500, 300)


async def test_a_young_hold_is_left_alone(database, hold, expiry):
    """Most calls are short; their rows are not written again."""
    mine = await hold()
    assert await renew(database, "mine", 300, HOUR, START + 80) == 0
    assert await renew(database, "mine", 300, HOUR, START + 100) == 1
    assert await expiry(mine) == 400


async def test_an_ended_hold_is_not_renewed(database, hold):
    await settle(database, End(await hold(), "not_sent"))
    assert await renew(database, "mine", 300, HOUR, START + 200) == 0


async def test_an_expired_hold_of_a_living_owner_is_renewed_while_nobody_resolved_it(
    database, hold, expiry
):
    """The process was stuck, not dead."""
    mine = await hold()
    assert await renew(database, "mine", 300, HOUR, START + 400) == 1
    assert await expiry(mine) == 700
    assert await resolve(database, "reaper", 10, HOUR, START + 400) == []


async def test_who_resolves_before_it_renews_spares_its_own_holds(database, hold, expiry):
    """The store was away for longer than they last; whose owner did not come back are orphans."""
    mine, other = await hold("mine"), await hold("other")
    late = START + 1000
    assert await resolve(database, "mine", 10, HOUR, late) == [
        Resolved(other, "posted", "orphan", HELD)
    ]
    assert await renew(database, "mine", 300, HOUR, late) == 1
    assert await expiry(mine) == 1300


async def test_its_own_hold_ends_too_at_the_age_that_none_may_pass(database, hold):
    """Also where the store was away at that moment, so that the last renewal was missed."""
    mine = await hold("mine")
    await renew(database, "mine", 300, 600, START + 200)
    assert await resolve(database, "mine", 10, 600, START + 700) == []
    assert await renew(database, "mine", 300, 600, START + 700) == 1
    expired = [Resolved(mine, "posted", "expired", HELD)]
    assert await resolve(database, "mine", 10, 600, START + 700) == expired


async def test_no_hold_grows_older_than_the_longest(database, hold, expiry):
    """It is renewed up to that age, then no more, and resolved as expired."""
    mine = await hold()
    for at in (200, 400, 500):
        await renew(database, "mine", 300, 600, START + at)
    assert await expiry(mine) == 600
    assert await renew(database, "mine", 300, 600, START + 599) == 0
    assert await resolve(database, "reaper", 10, 600, START + 599) == []
    assert await resolve(database, "reaper", 10, 600, START + 600) == [
        Resolved(mine, "posted", "expired", HELD)
    ]


@pytest.mark.parametrize(
    ("orphan", "state", "spent", "entry"),
    [("post", "posted", 100_000, "posted"), ("void", "voided", 0, "voided")],
)
async def test_an_orphan_is_resolved_by_its_own_rule(
    database, hold, counts, balanced, orphan, state, spent, entry
):
    """Booked in full or given back, as its route declared."""
    charge = await hold(orphan=orphan)
    assert await resolve(database, "reaper", 10, HOUR, START + 299.9) == []
    assert await resolve(database, "reaper", 10, HOUR, START + 300) == [
        Resolved(charge, state, "orphan", HELD)
    ]
    assert await counts("alice") == [(spent, 0, 0)]
    (row,) = await database.fetch("SELECT kind, held_micro, cause, created_at FROM entries")
    assert tuple(row.values()) == (entry, 100_000, "orphan", START + 300)
    assert await balanced()


async def test_batches_are_bounded_and_oldest_first(database, hold, balanced):
    late = await hold(expire_seconds=200)
    early = await hold(expire_seconds=100)
    last = await hold(expire_seconds=250)
    at = START + 300
    assert {hold.id for hold in await resolve(database, "reaper", 2, HOUR, at)} == {early, late}
    assert {hold.id for hold in await resolve(database, "reaper", 2, HOUR, at)} == {last}
    assert await resolve(database, "reaper", 2, HOUR, at) == []
    assert await balanced()


async def test_expiry_is_by_the_databases_clock(database, give_budget):
    """Without an instant given: one hold expired long ago, the other has just begun."""
    await give_budget("alice", usd("1"))
    old, young = a_charge(usd("0.1"), "alice"), a_charge(usd("0.1"), "alice")
    await reserve(database, old, "mine", 1_000_000_000.0)
    await reserve(database, young, "mine")
    assert [hold.id for hold in await resolve(database, "reaper", 10, HOUR)] == [old.id]


async def test_several_reapers_resolve_each_hold_once(postgres_config, balanced_books):
    """And do not wait for each other, nor for an owner who ends a hold meanwhile."""
    async with open_database(postgres_config) as one, open_database(postgres_config) as other:
        for account in ("alice", "bob", "team"):
            await balanced_books.fund(one, account, usd("100"))
        charges = [
            a_charge(
                usd("0.1"), ("alice", "bob")[n % 2], "team", orphan=("post", "void")[n % 3 > 0]
            )
            for n in range(60)
        ]
        for charge in charges:
            await reserve(one, charge, "dead", START)
        at = START + 300
        resolved, _ = await asyncio.gather(
            asyncio.gather(
                *(resolve((one, other)[n % 2], "reaper", 10, HOUR, at) for n in range(8))
            ),
            asyncio.gather(*(settle(other, End(c.id, "reply", usd("0.1"))) for c in charges[::7])),
        )
        rest = await resolve(one, "reaper", 100, HOUR, at)
        ids = [hold.id for batch in (*resolved, rest) for hold in batch]
        assert len(ids) == len(set(ids))
        assert len(ids) >= 60 - len(charges[::7])
        rows = await one.fetch("SELECT count(*) AS open FROM reservations WHERE state = 'pending'")
        assert rows[0]["open"] == 0
        assert await balanced_books.wrong(one) == []


async def test_a_hold_in_somebodys_hands_is_skipped(postgres_config, balanced_books):
    """The reaper takes the next one instead of waiting for a lock."""
    async with open_database(postgres_config) as one, open_database(postgres_config) as other:
        await balanced_books.fund(one, "alice", usd("1"))
        busy, free = a_charge(usd("0.1"), "alice"), a_charge(usd("0.1"), "alice")
        await reserve(one, busy, "dead", START)
        await reserve(one, free, "dead", START + 1)

        async def resolve_meanwhile(tx):
            await tx.fetch(HOLD, busy.id)
            async with asyncio.timeout(10):
                return await resolve(other, "reaper", 10, HOUR, START + 400)

        resolved = await one.transact(resolve_meanwhile)
        assert [hold.id for hold in resolved] == [free.id]


async def test_a_hold_in_somebodys_hands_keeps_no_other_from_being_renewed(
    postgres_config, balanced_books, keep
):
    """Else another process takes all of a living owner's holds for orphans."""
    async with open_database(postgres_config) as database:
        await balanced_books.fund(database, "alice", usd("100"))
        stuck, mine = a_charge(usd("0.1"), "alice"), a_charge(usd("0.1"), "alice", orphan="void")
        for charge in (stuck, mine):
            await reserve(database, charge, "mine", START)
        async with keep(HOLD, stuck.id):
            async with asyncio.timeout(5):
                assert await renew(database, "mine", 300, HOUR, START + 200) == 1
            assert await resolve(database, "theirs", 10, HOUR, START + 301) == []


async def test_a_window_in_somebodys_hands_keeps_no_other_hold_from_its_end(
    postgres_config, balanced_books
):
    """However many of its own have expired before."""
    async with (
        open_database(postgres_config, exclusive=True) as database,
        open_database(postgres_config) as other,
    ):
        for account in ("alice", "bob"):
            await balanced_books.fund(database, account, usd("1"))
        for number in range(5):
            await reserve(database, a_charge(usd("0.1"), "bob"), "dead", START + number)
        free = a_charge(usd("0.1"), "alice")
        await reserve(database, free, "dead", START + 10)

        async def resolve_meanwhile(tx):
            await tx.fetch(WINDOW, "bob")
            async with asyncio.timeout(10):
                return await resolve(database, "reaper", 2, HOUR, START + 400)

        resolved = await other.transact(resolve_meanwhile)
        assert [hold.id for hold in resolved] == [free.id]
        assert len(await resolve(database, "reaper", 10, HOUR, START + 400)) == 5
        assert await balanced_books.wrong(database) == []
