"""What is revoked is refused from then on, for as long as was said, and nothing else is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caracal_core.errors import Failure
from caracal_core.storage import revocations
from caracal_core.storage.accounts import AccountError, register
from caracal_core.storage.revocations import (
    SCHEME,
    RevocationError,
    is_revoked,
    listing,
    remove,
    revoke_agent,
    revoke_credential,
    sweep,
)

LONG_AGO, FAR_AWAY = 1_000_000_000.0, 9_000_000_000.0


@pytest.fixture
async def anna(database):
    """A registered agent's name."""
    await register(database, "anna")
    return "anna"


async def test_one_credential_is_refused_and_its_neighbours_are_not(database):
    made = await revoke_credential(database, "jwt", "idp 17", reason="leaked")
    assert (made.scheme, made.credential, made.agent) == ("jwt", "idp 17", None)
    assert (made.issued_before, made.reason, made.expires_at) == (None, "leaked", None)
    assert await is_revoked(database, "jwt", "idp 17", "anna", FAR_AWAY)
    assert await is_revoked(database, "jwt", "idp 17", "anna", None)
    for scheme, credential in (("mtls", "idp 17"), ("jwt", "idp 18"), ("jwt", None), ("jwt", "")):
        assert not await is_revoked(database, scheme, credential, "anna", None)


async def test_an_agent_loses_what_it_was_issued_before_and_keeps_what_came_later(database, anna):
    made = await revoke_agent(database, anna, issued_before=2_000_000_000.5)
    assert (made.agent, made.scheme, made.credential) == ("anna", None, None)
    for scheme in ("jwt", "mtls"):
        assert await is_revoked(database, scheme, "x", anna, 2_000_000_000.0)
        assert not await is_revoked(database, scheme, "x", anna, 2_000_000_000.5)
        assert not await is_revoked(database, scheme, "x", "ben", LONG_AGO)


async def test_what_does_not_say_when_it_was_issued_is_refused(database, anna):
    await revoke_agent(database, anna, issued_before=LONG_AGO)
    assert await is_revoked(database, "mtls", "x", anna, None)
    assert await is_revoked(database, "mtls", None, anna, None)


async def test_an_agents_revocation_may_be_of_one_scheme(database, anna):
    await revoke_agent(database, anna, scheme="jwt")
    assert await is_revoked(database, "jwt", "x", anna, LONG_AGO)
    assert not await is_revoked(database, "mtls", "x", anna, LONG_AGO)


async def test_now_is_the_databases_now(database, anna):
    made = await revoke_agent(database, anna)
    assert made.issued_before == made.created_at
    assert abs(made.created_at - (await revoke_credential(database, "a", "b")).created_at) < 60


async def test_what_has_ended_refuses_nobody_and_is_swept(database, anna, monkeypatch):
    monkeypatch.setattr(revocations, "BATCH", 2)
    await revoke_agent(database, anna, expire_seconds=-1)
    for number in range(4):
        await revoke_credential(database, "jwt", f"past {number}", expire_seconds=0)
    kept = await revoke_credential(database, "jwt", "for ever")
    late = await revoke_credential(database, "jwt", "for an hour", expire_seconds=3600)
    assert late.expires_at == pytest.approx(late.created_at + 3600)
    assert not await is_revoked(database, "jwt", "past 1", anna, LONG_AGO)
    assert await is_revoked(database, "jwt", "for an hour", anna, LONG_AGO)
    assert await sweep(database) == 5
    assert await sweep(database) == 0
    assert [each.id for each in await listing(database)] == [kept.id, late.id]


async def test_what_is_taken_back_is_good_again(database):
    made = await revoke_credential(database, "jwt", "idp 17")
    await remove(database, made.id)
    assert not await is_revoked(database, "jwt", "idp 17", "anna", None)
    with pytest.raises(RevocationError, match=f"no revocation {made.id}"):
        await remove(database, made.id)


async def test_a_listing_comes_in_pages(database):
    made = [await revoke_credential(database, "jwt", f"t{number}") for number in range(3)]
    assert await listing(database) == made
    assert await listing(database, limit=2) == made[:2]
    assert await listing(database, after=made[1].id) == made[2:]


async def test_strangers_and_groups_have_nothing_to_revoke(database):
    await register(database, "team", kind="group")
    with pytest.raises(AccountError, match="'nobody' is not registered"):
        await revoke_agent(database, "nobody")
    with pytest.raises(AccountError, match="team is a group"):
        await revoke_agent(database, "team")


async def test_malformed_words_are_refused_and_nothing_is_written(database, anna):
    for scheme, credential, reason in (
        ("JWT", "x", ""),
        ("", "x", ""),
        ("jwt", "", ""),
        ("jwt", "x" * 257, ""),
        ("jwt", "a\nb", ""),
        ("jwt", "a\x00", ""),
        ("jwt", "x", "y" * 257),
        ("jwt", "x", "\x00"),
    ):
        with pytest.raises(RevocationError):
            await revoke_credential(database, scheme, credential, reason=reason)
    with pytest.raises(RevocationError):
        await revoke_agent(database, anna, scheme="a b")
    assert await listing(database) == []


async def test_the_database_itself_refuses_what_makes_no_sense(database):
    columns = "(scheme, credential, agent, issued_before, reason, created_at)"
    for values in (
        "(NULL, 'x', NULL, NULL, '', 0)",
        "('jwt', NULL, NULL, NULL, '', 0)",
        "('jwt', 'x', 'anna', 0, '', 0)",
        "(NULL, NULL, 'anna', NULL, '', 0)",
    ):
        with pytest.raises(Failure, match="constraint violated"):
            await database.execute(f"INSERT INTO revocations {columns} VALUES {values}")  # noqa: S608 - constants


async def test_the_question_is_answered_by_indexes(database):
    """However long the list is: it is asked for every agent every two seconds."""
    sql = revocations._REVOKED_IN[database.dialect]
    values = ("jwt", "x", "anna", 1.0)
    if database.dialect == "sqlite":
        plan = [row["detail"] for row in await database.fetch(f"EXPLAIN QUERY PLAN {sql}", *values)]
        assert not [line for line in plan if str(line).startswith("SCAN revocations")]
        return
    plan = [str(row["QUERY PLAN"]) for row in await database.fetch(f"EXPLAIN {sql}", *values)]
    assert not [line for line in plan if "Seq Scan" in line]


@given(st.from_regex(r"[a-z][a-z0-9_]{0,63}", fullmatch=True))
def test_every_word_for_auth_mode_is_a_scheme(word):
    assert SCHEME.fullmatch(word)
