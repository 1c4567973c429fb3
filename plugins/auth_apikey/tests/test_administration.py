"""Keys are issued to registered agents, replaced with an overlap, and revoked for good."""

import asyncio

import pytest

from caracal_auth_apikey.administration import (
    KeyRefused,
    Limits,
    listing,
    revoke,
    revoke_all,
    rotate,
)
from caracal_core.errors import Unauthenticated
from caracal_core.storage.accounts import AccountError, register

LIMITS = Limits(("open*",), ("POST",), ("10.0.0.0/8",))


async def replaced(desk, id, overlap=3600.0, **terms):
    return await rotate(desk.database, desk.hash_key, id, overlap_seconds=overlap, **terms)


async def only(desk, id):
    return next(key for key in await listing(desk.database) if key.id == id)


async def test_a_key_is_issued_to_a_registered_agent_only(desk):
    await register(desk.database, "team", kind="group")
    with pytest.raises(AccountError, match="caracal agents list"):
        await desk.issue("nobody")
    with pytest.raises(AccountError, match="team is a group"):
        await desk.issue("team")
    assert await listing(desk.database) == []


async def test_the_table_itself_knows_agents_only(desk):
    """Whoever writes to it."""
    key = await desk.issue()
    with pytest.raises(Exception, match="constraint"):
        await desk.set(key.id, agent="nobody")


async def test_an_issued_key_is_listed_with_its_terms(desk):
    key = await desk.issue(label="ci", limits=LIMITS, expire_seconds=86_400)
    (listed,) = await listing(desk.database)
    assert (listed.id, listed.agent, listed.label) == (key.id, "research-1", "ci")
    assert (listed.state, listed.limits, listed.hash_key) == ("active", LIMITS, desk.hash_key.id)
    assert round(listed.ends_at - listed.created_at) == 86_400
    assert listed.replaced_by is listed.revoked_at is listed.last_used_at is None


async def test_a_listing_is_ordered_and_bounded(desk):
    await register(desk.database, "another")
    keys = [await desk.issue(agent) for agent in ("research-1", "another", "research-1")]
    expected = [keys[1].id, keys[0].id, keys[2].id]
    assert [key.id for key in await listing(desk.database)] == expected
    assert [key.id for key in await listing(desk.database, limit=2)] == expected[:2]
    assert [key.id for key in await listing(desk.database, agent="another")] == expected[:1]
    with pytest.raises(AccountError, match="'nobody' is not registered"):
        await listing(desk.database, agent="nobody")


async def test_a_replaced_key_is_good_until_the_overlap_ends(desk):
    old = await desk.issue(label="ci", limits=Limits(methods=("GET",)))
    new = await replaced(desk, old.id)
    assert (await desk.show(old.text)).id == (await desk.show(new.text)).id == "research-1"
    before, after = await only(desk, old.id), await only(desk, new.id)
    assert (before.state, before.replaced_by, after.state) == ("ending", new.id, "active")
    assert (after.label, after.limits) == (before.label, before.limits)
    assert 3500 < before.ends_at - after.created_at <= 3600
    await desk.set(old.id, not_after=after.created_at)
    desk.clock.advance(2)
    with pytest.raises(Unauthenticated):
        await desk.show(old.text)
    assert (await only(desk, old.id)).state == "ended"
    assert (await desk.show(new.text)).id == "research-1"


async def test_without_an_overlap_the_old_key_ends_at_once(desk):
    old = await desk.issue()
    new = await replaced(desk, old.id, 0)
    assert (await desk.show(new.text)).id == "research-1"
    with pytest.raises(Unauthenticated):
        await desk.show(old.text)


async def test_a_new_key_is_good_for_as_long_as_the_old_was_issued_for(desk):
    old = await desk.issue(expire_seconds=1000)
    await desk.database.execute(
        "UPDATE api_keys SET created_at = created_at - 500, expires_at = expires_at - 500"
    )
    new = await only(desk, (await replaced(desk, old.id)).id)
    assert round(new.ends_at - new.created_at) == 1000
    assert 400 < (await only(desk, old.id)).ends_at - new.created_at <= 500
    newest = await only(desk, (await replaced(desk, new.id, expire_seconds=7)).id)
    assert round(newest.ends_at - newest.created_at) == 7


async def test_a_key_is_replaced_once(desk):
    old = await desk.issue()
    made = await asyncio.gather(*(replaced(desk, old.id) for _ in range(4)), return_exceptions=True)
    refused = [each for each in made if isinstance(each, KeyRefused)]
    assert len(refused) == 3
    (new,) = [each for each in made if each not in refused]
    assert all(new.id in str(each) for each in refused)
    assert len(await listing(desk.database)) == 2


async def test_a_key_that_is_no_more_is_not_replaced(desk):
    revoked, ended = await desk.issue(), await desk.issue(expire_seconds=0)
    await revoke(desk.database, revoked.id)
    for key, why in [(revoked.id, "is revoked"), (ended.id, "is ended"), ("a" * 16, "no key")]:
        with pytest.raises(KeyRefused, match=why):
            await replaced(desk, key)
    assert len(await listing(desk.database)) == 2


async def test_a_revoked_key_is_refused_and_stays_revoked(desk):
    key = await desk.issue()
    assert await revoke(desk.database, key.id) is True
    at = (await only(desk, key.id)).revoked_at
    assert await revoke(desk.database, key.id) is False
    assert ((await only(desk, key.id)).state, at) == (
        "revoked",
        (await only(desk, key.id)).revoked_at,
    )
    with pytest.raises(Unauthenticated):
        await desk.show(key.text)


async def test_revoking_what_is_not_there_is_refused(desk):
    with pytest.raises(KeyRefused, match="caracal keys list"):
        await revoke(desk.database, "a" * 16)


async def test_all_keys_of_an_agent_are_revoked_and_no_others(desk):
    await register(desk.database, "another")
    keys = [await desk.issue() for _ in range(3)]
    other = await desk.issue("another")
    await revoke(desk.database, keys[0].id)
    assert await revoke_all(desk.database, "research-1") == 2
    assert await revoke_all(desk.database, "research-1") == 0
    assert {key.id for key in await listing(desk.database) if key.state == "active"} == {other.id}


async def test_what_broke_leaves_the_old_key_as_it_was(desk, monkeypatch):
    """The new key cannot be written: nobody is left without one."""
    old = await desk.issue()
    monkeypatch.setattr("caracal_auth_apikey.administration.generate", lambda: old)
    with pytest.raises(Exception, match="constraint"):
        await replaced(desk, old.id)
    assert (await only(desk, old.id)).state == "active"
