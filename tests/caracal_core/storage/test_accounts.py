"""Accounts form paths of bounded depth, are registered once, and are never half made."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caracal_core.errors import Failure
from caracal_core.storage.accounts import (
    DEEPEST,
    NAME,
    AccountError,
    enable,
    listing,
    path,
    register,
)

ALLOWED = "ABCXYZabcxyz0189._:/@|+=-"


async def _chain(database, length):
    parent = None
    for depth in range(length):
        name = f"level-{depth}"
        await register(database, name, kind="group", parent=parent)
        parent = name
    return parent


async def test_a_registered_agent_is_found_with_all_that_was_said(database):
    made = await register(database, "research-1")
    assert (made.name, made.kind, made.parent, made.enabled) == ("research-1", "agent", None, True)
    assert len(made.id) == 32
    assert list(await path(database, "research-1")) == [made]


async def test_a_path_goes_from_the_agent_up_to_the_root(database):
    await register(database, "acme", kind="group")
    await register(database, "team", kind="group", parent="acme")
    await register(database, "agent", parent="team")
    await register(database, "other", parent="acme")
    found = await path(database, "agent")
    assert [(account.name, account.parent) for account in found] == [
        ("agent", "team"),
        ("team", "acme"),
        ("acme", None),
    ]


async def test_nobody_has_an_empty_path(database):
    assert await path(database, "nobody") == []


async def test_a_name_is_registered_once_however_many_try(database):
    tries = await asyncio.gather(
        *(register(database, "agent") for _ in range(20)), return_exceptions=True
    )
    refused = [error for error in tries if isinstance(error, AccountError)]
    assert len(refused) == 19
    assert "registered already" in str(refused[0])


async def test_names_differ_in_their_case(database):
    await register(database, "Agent")
    assert await path(database, "agent") == []


@pytest.mark.parametrize("name", ["", "a b", "ä", "a\n", "x" * 129, "a*", "a,b", "'", "a\x00"])
async def test_a_malformed_name_is_refused_with_the_rule(database, name):
    with pytest.raises(AccountError, match="1-128 of A-Z a-z"):
        await register(database, name)
    assert await listing(database) == []


@given(st.text(alphabet=ALLOWED, min_size=1, max_size=128))
def test_every_name_of_the_rule_is_one(name):
    assert NAME.fullmatch(name)


async def test_the_longest_name_survives(database):
    await register(database, "x" * 128)
    assert (await path(database, "x" * 128))[0].name == "x" * 128


async def test_an_unknown_parent_is_refused_and_nothing_made(database):
    with pytest.raises(AccountError, match="'team' is not registered"):
        await register(database, "agent", parent="team")
    assert await listing(database) == []


async def test_the_deepest_path_is_the_deepest(database):
    leaf = await _chain(database, DEEPEST)
    assert len(await path(database, leaf)) == DEEPEST
    with pytest.raises(AccountError, match="as deep as accounts go"):
        await register(database, "too-deep", parent=leaf)


async def test_a_circle_behind_our_back_is_a_failure_and_no_endless_loop(database):
    await register(database, "a", kind="group")
    await register(database, "b", kind="group", parent="a")
    await database.execute(
        "UPDATE accounts SET parent_id = (SELECT id FROM accounts WHERE name = 'b')"
        " WHERE name = 'a'"
    )
    with pytest.raises(Failure, match="more than 8 accounts"):
        await path(database, "b")


async def test_the_database_itself_refuses_what_makes_no_sense(database):
    await register(database, "a")
    for nonsense in (
        "UPDATE accounts SET parent_id = id",
        "UPDATE accounts SET parent_id = 'nobody'",
        "UPDATE accounts SET kind = 'robot'",
        "INSERT INTO accounts (id, name, kind, created_at) VALUES ('1', 'a', 'agent', 0)",
    ):
        with pytest.raises(Failure, match="constraint violated"):
            await database.execute(nonsense)


async def test_a_group_with_agents_below_it_cannot_be_deleted(database):
    await register(database, "team", kind="group")
    await register(database, "agent", parent="team")
    with pytest.raises(Failure, match="constraint violated"):
        await database.execute("DELETE FROM accounts WHERE name = 'team'")


async def test_disabling_and_enabling_again(database):
    await register(database, "agent")
    await enable(database, "agent", enabled=False)
    assert [account.enabled for account in await path(database, "agent")] == [False]
    await enable(database, "agent")
    assert [account.enabled for account in await path(database, "agent")] == [True]


async def test_who_is_not_registered_can_be_neither_enabled_nor_disabled(database):
    for enabled in (True, False):
        with pytest.raises(AccountError, match="'nobody' is not registered"):
            await enable(database, "nobody", enabled=enabled)


async def test_a_listing_is_by_name_and_comes_in_pages(database):
    for name in ("c", "a", "b"):
        await register(database, name)
    assert [account.name for account in await listing(database)] == ["a", "b", "c"]
    assert [account.name for account in await listing(database, limit=2)] == ["a", "b"]
    assert [account.name for account in await listing(database, after="b")] == ["c"]
