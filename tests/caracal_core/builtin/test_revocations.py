"""A revocation is in force within two seconds, and a store that cannot say so fails the request."""

import pytest
from msgspec.structs import replace

from caracal_core.builtin.revocations import StoredRevocations
from caracal_core.domain import CredentialName, Principal
from caracal_core.errors import Failure
from caracal_core.ports import Revocations
from caracal_core.recent import FRESH_SECONDS
from caracal_core.storage.accounts import register
from caracal_core.storage.database import open_database
from caracal_core.storage.revocations import listing, remove, revoke_agent, revoke_credential
from caracal_core.testing.fakes import FakeClock

ANNA = Principal("anna", "jwt", credential="idp 17", issued_at=1_700_000_000.0)


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def revocations(database, clock):
    return StoredRevocations(database, clock)


def test_it_knows_revocations(clock):
    assert isinstance(StoredRevocations(None, clock), Revocations)


async def test_a_credential_is_refused_within_two_seconds_and_good_again_when_taken_back(
    revocations, database, clock
):
    assert revocations.known(ANNA) is None
    assert not await revocations.revoked(ANNA)
    assert revocations.known(ANNA) is False
    await revoke_credential(database, "jwt", "idp 17")
    assert not await revocations.revoked(ANNA)
    clock.advance(FRESH_SECONDS)
    assert revocations.known(ANNA) is None
    assert await revocations.revoked(ANNA)
    assert revocations.known(ANNA) is True
    (made,) = await listing(database)
    await remove(database, made.id)
    clock.advance(FRESH_SECONDS)
    assert not await revocations.revoked(ANNA)


async def test_every_credential_is_a_question_of_its_own(revocations, database):
    """Of one agent too: by its name, its scheme and its age."""
    await register(database, "anna")
    await revoke_agent(database, "anna", scheme="jwt", issued_before=1_700_000_001.0)
    await revoke_credential(database, "mtls", "ab:cd")
    younger = replace(ANNA, issued_at=1_700_000_001.0)
    ageless = replace(ANNA, issued_at=None)
    certificate = Principal("anna", "mtls", credential="ab:cd")
    other = Principal("anna", "mtls", credential="ab:ce")
    ben = replace(ANNA, id="ben")
    answers = [ANNA, younger, ageless, certificate, other, ben]
    assert [await revocations.revoked(each) for each in answers] == [
        True,
        False,
        True,
        True,
        False,
        False,
    ]


PROXY = CredentialName("mtls", "proxy 1")


@pytest.mark.parametrize("number", [0, 1])
async def test_a_proof_is_refused_with_whatever_it_rests_on(revocations, database, clock, number):
    """The store is asked about a proxy once, however many agents it passes on."""
    via = (PROXY, CredentialName("other", "x"))
    passed_on, direct = replace(ANNA, via=via), ANNA
    assert revocations.known(passed_on) is None
    assert not await revocations.revoked(passed_on)
    assert revocations.known(passed_on) is False
    assert revocations.known(replace(ANNA, credential=None, via=via)) is None
    await revoke_credential(database, via[number].scheme, via[number].id)
    clock.advance(FRESH_SECONDS)
    assert revocations.known(passed_on) is None
    assert await revocations.revoked(passed_on)
    assert revocations.known(passed_on) is True
    assert not await revocations.revoked(direct)


async def test_each_is_asked_before_any_answer_counts(revocations, database, monkeypatch):
    """How long the answer takes does not tell which of them was revoked."""
    asked = []

    async def ask(key):
        asked.append(key)
        return True

    monkeypatch.setattr(revocations._recent, "_ask", ask)
    assert await revocations.revoked(replace(ANNA, via=(PROXY,)))
    assert asked == [
        ("jwt", "idp 17", "anna", 1_700_000_000.0),
        ("mtls", "proxy 1", None, None),
    ]


async def test_a_proxy_is_not_refused_with_the_agents_that_it_passes_on(revocations, database):
    await register(database, "anna")
    await revoke_agent(database, "anna")
    assert await revocations.revoked(replace(ANNA, via=(PROXY,)))
    assert not await revocations.revoked(replace(ANNA, id="ben", via=(PROXY,)))


async def test_a_store_that_is_down_is_a_failure_once_the_answer_is_two_seconds_old(
    revocations, clock, storage_config
):
    """A credential that was revoked meanwhile must not go on being good."""
    assert not await revocations.revoked(ANNA)
    async with open_database(storage_config) as closed:
        pass
    revocations._database = closed
    assert not await revocations.revoked(ANNA)
    clock.advance(FRESH_SECONDS)
    with pytest.raises(Failure):
        await revocations.revoked(ANNA)
