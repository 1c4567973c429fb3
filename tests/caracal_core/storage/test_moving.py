"""An account is put below another one with all below it, and never too deep or in a circle."""

import asyncio

import pytest

from caracal_core.storage.accounts import (
    DEEPEST,
    AccountError,
    listing,
    lock_places,
    path,
    register,
)
from caracal_core.storage.database import open_database
from caracal_core.storage.moving import move


async def _chain(database, prefix, length, parent=None):
    """Register a chain of groups; return the name of the lowest."""
    for depth in range(length):
        name = f"{prefix}-{depth}"
        await register(database, name, kind="group", parent=parent)
        parent = name
    return parent


async def names(database, name):
    return [account.name for account in await path(database, name)]


async def test_it_moves_with_all_below_it_and_back_to_the_top(database):
    for name, parent in (("org", None), ("team", "org"), ("other", None), ("alice", "team")):
        await register(database, name, parent=parent)
    assert await move(database, "team", "other") == "org"
    assert await names(database, "alice") == ["alice", "team", "other"]
    assert await move(database, "team", None) == "other"
    assert await names(database, "alice") == ["alice", "team"]
    assert await move(database, "team", None) is None
    assert await move(database, "team", "org") is None
    assert await move(database, "team", "org") == "org"
    assert await names(database, "alice") == ["alice", "team", "org"]


@pytest.mark.parametrize(("parent", "said"), [("a-0", "below itself"), ("a-2", "is below it")])
async def test_no_circle_is_made(database, parent, said):
    await _chain(database, "a", 3)
    with pytest.raises(AccountError, match=said):
        await move(database, "a-0", parent)
    assert await names(database, "a-2") == ["a-2", "a-1", "a-0"]


async def test_no_path_becomes_longer_than_paths_may_be(database):
    """The longest way down counts, not the account's own place."""
    top = await _chain(database, "a", DEEPEST - 3)
    await _chain(database, "b", 3)
    await register(database, "short", parent="b-0")
    assert await move(database, "b-0", top) is None
    assert len(await path(database, "b-2")) == DEEPEST
    await move(database, "b-0", None)
    await register(database, "deep", parent="b-2")
    with pytest.raises(AccountError, match=f"{DEEPEST + 1} accounts would be on one path, and 8"):
        await move(database, "b-0", top)
    assert await names(database, "deep") == ["deep", "b-2", "b-1", "b-0"]


@pytest.mark.parametrize(("name", "parent"), [("nobody", "a"), ("a", "nobody"), ("nobody", None)])
async def test_who_is_not_registered_is_said(database, name, parent):
    await register(database, "a")
    with pytest.raises(AccountError, match="'nobody' is not registered"):
        await move(database, name, parent)


async def test_two_that_move_below_each_other_at_once_make_no_circle(database):
    for round_ in range(10):
        one, other = f"one-{round_}", f"other-{round_}"
        await register(database, one)
        await register(database, other)
        moves = await asyncio.gather(
            move(database, one, other), move(database, other, one), return_exceptions=True
        )
        assert sorted(type(each).__name__ for each in moves) == ["AccountError", "NoneType"]
    assert len(await listing(database)) == 20


WAITING = """
SELECT pid FROM pg_locks JOIN pg_database ON pg_database.oid = pg_locks.database
WHERE locktype = 'advisory' AND NOT granted AND datname = current_database()
"""


async def test_nobody_is_registered_too_deep_while_those_above_move(postgres_config):
    """A move that is not committed yet is waited for; SQLite has one writer anyway."""
    moved, end = asyncio.Event(), asyncio.Event()
    async with open_database(postgres_config) as database:
        top = await _chain(database, "a", DEEPEST - 1)
        await register(database, "group")

        async def moving(tx):
            await lock_places(tx, database.dialect)
            above = "(SELECT id FROM accounts WHERE name = $1)"
            await tx.execute(f"UPDATE accounts SET parent_id = {above} WHERE name = 'group'", top)  # noqa: S608 - ours
            moved.set()
            await end.wait()

        async with asyncio.timeout(30):
            moves = asyncio.create_task(database.transact(moving))
            await moved.wait()
            registering = asyncio.create_task(register(database, "agent", parent="group"))
            while not registering.done() and not await database.fetch(WAITING):
                pass
            end.set()
            await moves
            with pytest.raises(AccountError, match="as deep as accounts go"):
                await registering
