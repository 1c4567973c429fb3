"""A deny wins, and without a permit the answer is no."""

import pytest

from caracal_core.domain import Decision
from caracal_core.errors import Denied, Failure
from caracal_core.stages.authorization import Authorization
from caracal_core.stages.part import Part
from caracal_core.testing.fakes.behaviour import allow, broken, deny
from caracal_core.testing.fakes.parts import TrivialPolicy
from caracal_core.testing.fakes.values import an_access


class _NoOpinion:
    async def decide(self, access):
        return None


def authorization(*policies):
    return Authorization([Part("p", p.decide, (Decision, type(None)), 5) for p in policies])


def decide(watched, *policies):
    return watched(lambda due: authorization(*policies).decide(an_access(), due))


async def test_a_permit_passes(watched):
    assert (await decide(watched, _NoOpinion(), TrivialPolicy())).permit


@pytest.mark.parametrize("order", [(allow, deny), (deny, allow)])
async def test_a_deny_wins_over_any_permit(watched, order):
    with pytest.raises(Denied) as refusal:
        await decide(watched, *(TrivialPolicy(behave) for behave in order))
    assert refusal.value.policy == "test"


@pytest.mark.parametrize("policies", [(), (_NoOpinion(),)])
async def test_without_a_permit_the_answer_is_no(watched, policies):
    with pytest.raises(Denied):
        await decide(watched, *policies)


async def test_a_policy_that_breaks_after_a_permit_fails_closed(watched):
    with pytest.raises(Failure):
        await decide(watched, TrivialPolicy(), TrivialPolicy(broken))
