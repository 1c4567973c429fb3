"""The replay guard's contract: the fake passes it, and each way to forget is caught."""

import asyncio

import pytest

from caracal_core.errors import Failure
from caracal_core.testing.contracts import ReplayGuardContract
from caracal_core.testing.fakes import FakeReplayGuard


class TestFakeReplayGuard(ReplayGuardContract):
    """The kit's own fake keeps the contract."""

    @pytest.fixture
    def replay_guard(self):
        return FakeReplayGuard()


class _Keyed:
    """A guard over a set of keys, and how many may be in it."""

    def __init__(self, room=10**6):
        self.room = room
        self.seen = {}

    def key(self, nonce):
        return nonce.scope, nonce.value

    async def claim(self, nonce):
        fresh = self.key(nonce) not in self.seen
        while len(self.seen) >= self.room:
            self.seen.pop(next(iter(self.seen)))
        self.seen[self.key(nonce)] = True
        return fresh


class _Joining(_Keyed):
    def key(self, nonce):
        return nonce.scope + nonce.value


class _Punctuating(_Keyed):
    def key(self, nonce):
        return f"{nonce.scope}:{nonce.value}"


class _Global(_Keyed):
    def key(self, nonce):
        return nonce.value


class _OncePerAgent(_Keyed):
    def key(self, nonce):
        return nonce.scope


class _CaseBlind(_Keyed):
    def key(self, nonce):
        return nonce.scope.lower(), nonce.value.lower()


class _ShortValues(_Keyed):
    def key(self, nonce):
        return nonce.scope, nonce.value[:127]


class _ShortScopes(_Keyed):
    def key(self, nonce):
        return nonce.scope[:127], nonce.value


class _WithExpiry(_Keyed):
    def key(self, nonce):
        return nonce.scope, nonce.value, nonce.expires_at


class _Truthy(_Keyed):
    async def claim(self, nonce):
        return 1 if await super().claim(nonce) else 0


class _Hesitant(_Keyed):
    """Looks, waits, and then writes."""

    async def claim(self, nonce):
        fresh = self.key(nonce) not in self.seen
        await asyncio.sleep(0)
        self.seen[self.key(nonce)] = True
        return fresh


class _ShortMemory(_Keyed):
    def __init__(self):
        super().__init__(room=50)


class _Expectant(_Keyed):
    """Fails whoever asks for what was there before."""

    async def claim(self, nonce):
        if not await super().claim(nonce):
            raise Failure("test guard", "used before")
        return True


class _Fatal(_Keyed):
    """A cancelled claim takes the rest of its batch with it."""

    def __init__(self):
        super().__init__()
        self.batch = None

    async def claim(self, nonce):
        if self.batch is None or self.batch.done():
            self.batch = asyncio.ensure_future(asyncio.sleep(0.001))
        await self.batch
        return await super().claim(nonce)


class _NoReplica(_Keyed):
    """A guard whose replica has a memory of its own."""


@pytest.mark.parametrize(
    ("guard", "test"),
    [
        (_Truthy, "test_the_first_claim_is_true"),
        (_Expectant, "test_every_later_claim_is_false"),
        (_OncePerAgent, "test_another_value_is_fresh"),
        (_Global, "test_another_scope_is_fresh"),
        (_Joining, "test_scope_and_value_are_kept_apart"),
        (_Punctuating, "test_scope_and_value_are_kept_apart"),
        (_CaseBlind, "test_case_matters"),
        (_ShortValues, "test_the_longest_values_differ_in_their_last_character"),
        (_ShortScopes, "test_the_longest_scopes_differ_in_their_last_character"),
        (_WithExpiry, "test_a_later_expiry_does_not_make_it_fresh"),
        (_Hesitant, "test_one_of_many_simultaneous_claims_wins"),
        (_Hesitant, "test_mixed_simultaneous_claims_are_judged_one_by_one"),
        (_ShortMemory, "test_a_live_nonce_is_never_forgotten_to_make_room"),
        (_Fatal, "test_a_cancelled_claim_does_not_harm_its_neighbours"),
        (_NoReplica, "test_a_replica_knows_what_was_claimed"),
        (_NoReplica, "test_one_of_many_claims_at_two_replicas_wins"),
    ],
)
async def test_a_faulty_guard_is_caught(fails, guard, test):
    def make():
        return {"replay_guard": guard(), "replica": guard(), "now": 0.0, "capacity": 200}

    assert await fails(ReplayGuardContract, test, make)
