"""The policy's contract: an honest one passes it, and each way to waver is caught."""

import asyncio

import pytest

from caracal_core.domain import Decision
from caracal_core.testing.contracts import PolicyContract
from caracal_core.testing.fakes import TrivialPolicy, an_access, deny


class _Honest:
    """Permits alice, denies bob, and has no opinion of anybody else."""

    async def decide(self, access):
        match access.principal.id:
            case "alice":
                return Decision(permit=True, policy="test")
            case "bob":
                return Decision(permit=False, policy="test", reason="bob")
        return None


class TestHonestPolicy(PolicyContract):
    """The contract can be kept."""

    @pytest.fixture
    def policy(self):
        return _Honest()

    @pytest.fixture
    def permitted(self):
        return [an_access("alice")]

    @pytest.fixture
    def denied(self):
        return [an_access("bob")]

    @pytest.fixture
    def no_opinion(self):
        return [an_access("carol")]


class TestTrivialPolicy(PolicyContract):
    """A part of which only one thing is true may keep it as well."""

    @pytest.fixture
    def policy(self):
        return TrivialPolicy(deny)

    @pytest.fixture
    def denied(self):
        return [an_access()]


class _Truthy(_Honest):
    async def decide(self, access):
        decision = await super().decide(access)
        return decision and Decision(permit=int(decision.permit), policy="test")


class _Opinionated(_Honest):
    async def decide(self, access):
        return await super().decide(access) or Decision(permit=False, policy="test")


class _Silent(_Honest):
    """Does not deny but stay silent."""

    async def decide(self, access):
        decision = await super().decide(access)
        return decision if decision and decision.permit else None


class _Nameless(_Honest):
    async def decide(self, access):
        decision = await super().decide(access)
        return decision and Decision(permit=decision.permit, policy="")


class _Tired(_Honest):
    """Changes its mind after a while."""

    asked = 0

    async def decide(self, access):
        self.asked += 1
        return await super().decide(access) if self.asked < 4 else None


class _ByObject(_Honest):
    """Knows objects again instead of values."""

    seen = None

    async def decide(self, access):
        self.seen = self.seen or access
        return await super().decide(access) if access is self.seen else None


class _Shared(_Honest):
    async def decide(self, access):
        self.access = access
        await asyncio.sleep(0)
        return await super().decide(self.access)


class _Writing(_Honest):
    async def decide(self, access):
        access.principal.attributes["seen"] = "yes"
        return await super().decide(access)


class _Parsing(_Honest):
    async def decide(self, access):
        access.resource.encode("ascii")
        access.resource[0].isalpha()
        return await super().decide(access)


class _Delicate(_Honest):
    hurt = False

    async def decide(self, access):
        try:
            await asyncio.sleep(0)
        except asyncio.CancelledError:
            self.hurt = True
            raise
        return None if self.hurt else await super().decide(access)


@pytest.mark.parametrize(
    ("policy", "test"),
    [
        (_Truthy, "test_it_permits"),
        (_Silent, "test_it_denies"),
        (_Opinionated, "test_it_has_no_opinion"),
        (_Nameless, "test_a_decision_names_its_policy"),
        (_Tired, "test_the_same_access_gets_the_same_decision"),
        (_ByObject, "test_an_equal_access_gets_an_equal_decision"),
        (_Shared, "test_simultaneous_accesses_get_their_own_decisions"),
        (_Writing, "test_it_changes_nothing_about_the_access"),
        (_Parsing, "test_no_resource_breaks_it"),
        (_Delicate, "test_it_survives_being_cancelled"),
    ],
)
async def test_a_faulty_policy_is_caught(fails, policy, test):
    def make():
        cases = {
            "permitted": [an_access("alice", attributes={"team": "a"})],
            "denied": [an_access("bob")],
            "no_opinion": [an_access("carol")],
        }
        accesses = [access for case in cases.values() for access in case]
        return {"policy": policy(), "accesses": accesses, **cases}

    assert await fails(PolicyContract, test, make)
