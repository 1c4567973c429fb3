# ruff: noqa: S101 - a contract is a set of tests
"""What every policy owes: permit, deny or no opinion, and the same each time."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import msgspec
import pytest

from caracal_core.domain import Access, Decision
from caracal_core.ports import Policy
from caracal_core.testing.fakes import an_access


class PolicyContract:
    """Give ``policy``, and what is true of it of ``permitted``, ``denied`` and ``no_opinion``."""

    @pytest.fixture
    def policy(self) -> Policy:
        """Give the part under test."""
        raise NotImplementedError("give the fixture 'policy': the part under test")

    @pytest.fixture
    def permitted(self) -> Sequence[Access]:
        """Give accesses that it must permit."""
        return ()

    @pytest.fixture
    def denied(self) -> Sequence[Access]:
        """Give accesses that it must deny."""
        return ()

    @pytest.fixture
    def no_opinion(self) -> Sequence[Access]:
        """Give accesses that it must leave to other policies."""
        return ()

    @pytest.fixture
    def accesses(
        self,
        permitted: Sequence[Access],
        denied: Sequence[Access],
        no_opinion: Sequence[Access],
    ) -> Sequence[Access]:
        """Return all the cases; there must be some."""
        cases = (*permitted, *denied, *no_opinion)
        assert cases, "give the fixture 'permitted', 'denied' or 'no_opinion'"
        return cases

    async def test_it_has_the_shape_of_a_policy(self, policy: Policy) -> None:
        """The house can find its verb."""
        assert isinstance(policy, Policy)

    async def test_it_permits(self, policy: Policy, permitted: Sequence[Access]) -> None:
        """Permit is the bool True in a decision."""
        for access in permitted:
            decision = await policy.decide(access)
            assert isinstance(decision, Decision)
            assert decision.permit is True

    async def test_it_denies(self, policy: Policy, denied: Sequence[Access]) -> None:
        """Deny is the bool False in a decision; 'no opinion' would let others permit."""
        for access in denied:
            decision = await policy.decide(access)
            assert isinstance(decision, Decision)
            assert decision.permit is False

    async def test_it_has_no_opinion(self, policy: Policy, no_opinion: Sequence[Access]) -> None:
        """What is not its business is None, not a deny."""
        for access in no_opinion:
            assert await policy.decide(access) is None

    async def test_a_decision_names_its_policy(
        self, policy: Policy, accesses: Sequence[Access]
    ) -> None:
        """The audit record says who decided, and why."""
        for access in accesses:
            decision = await policy.decide(access)
            if decision is not None:
                assert type(decision.policy) is str
                assert decision.policy
                assert type(decision.reason) is str

    async def test_the_same_access_gets_the_same_decision(
        self, policy: Policy, accesses: Sequence[Access]
    ) -> None:
        """What it was asked before does not matter."""
        first = [await policy.decide(access) for access in accesses]
        backwards = [await policy.decide(access) for access in reversed(accesses)]
        assert backwards[::-1] == first

    async def test_an_equal_access_gets_an_equal_decision(
        self, policy: Policy, accesses: Sequence[Access]
    ) -> None:
        """It judges values and not objects."""
        for access in accesses:
            principal = msgspec.structs.replace(access.principal)
            twin = msgspec.structs.replace(access, principal=principal)
            assert await policy.decide(twin) == await policy.decide(access)

    async def test_simultaneous_accesses_get_their_own_decisions(
        self, policy: Policy, accesses: Sequence[Access]
    ) -> None:
        """One part serves all requests at once."""
        expected = [await policy.decide(access) for access in accesses]
        decisions = await asyncio.gather(*map(policy.decide, [*accesses] * 10))
        assert decisions == expected * 10

    async def test_it_changes_nothing_about_the_access(
        self, policy: Policy, accesses: Sequence[Access]
    ) -> None:
        """The next policy is asked the same question."""
        for access in accesses:
            attributes = dict(access.principal.attributes)
            before = msgspec.structs.astuple(access)
            await policy.decide(access)
            assert msgspec.structs.astuple(access) == before
            assert dict(access.principal.attributes) == attributes

    @pytest.mark.parametrize(
        "resource",
        [
            "",
            "/",
            "*",
            "[",
            "(((",
            "\\",
            "%00",
            "/" * 10_000,
            "\N{LATIN SMALL LETTER E WITH ACUTE}",
        ],
        ids=["empty", "root", "star", "bracket", "group", "backslash", "nul", "long", "accent"],
    )
    async def test_no_resource_breaks_it(self, policy: Policy, resource: str) -> None:
        """Whatever a client may ask of, the answer is an answer."""
        decision = await policy.decide(an_access(resource=resource))
        assert decision is None or isinstance(decision, Decision)

    @pytest.mark.parametrize("agent", ["[!a]", "a" * 128, "a.b_c:d/e@f|g+h=i-j", "..", "*"])
    async def test_no_agent_breaks_it(self, policy: Policy, agent: str) -> None:
        """A name is data, also where it looks like a pattern."""
        decision = await policy.decide(an_access(agent))
        assert decision is None or isinstance(decision, Decision)

    async def test_it_survives_being_cancelled(
        self, policy: Policy, accesses: Sequence[Access]
    ) -> None:
        """A client that hangs up does not spoil the next one's decision."""
        expected = await policy.decide(accesses[0])
        asking = asyncio.ensure_future(policy.decide(accesses[0]))
        await asyncio.sleep(0)
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        assert await policy.decide(accesses[0]) == expected
