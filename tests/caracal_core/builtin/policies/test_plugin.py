"""Proved here: static policies permit and deny as written, and a deny wins."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from caracal_core.builtin.policies.plugin import PoliciesConfig, PoliciesPlugin, PolicyTable
from caracal_core.testing.contracts import PluginContract, PolicyContract
from caracal_core.testing.fakes import a_services, an_access

PERMIT = {"id": "researchers", "effect": "permit", "agents": ["research-*"], "routes": ["openai"]}
DENY = {"id": "no-deletes", "effect": "deny", "agents": ["*"], "routes": ["*"]}


def a_config(*policies: dict[str, object]) -> PoliciesConfig:
    return PoliciesConfig.model_validate({"policies": policies})


def table(*policies: dict[str, object]) -> PolicyTable:
    (part,) = PoliciesPlugin(a_config(*policies)).policies(a_services())
    return part


class TestContract(PolicyContract):
    """It owes what every policy owes."""

    @pytest.fixture
    def policy(self):
        return table(PERMIT | {"methods": ["POST"]}, DENY | {"methods": ["DELETE"]})

    @pytest.fixture
    def permitted(self):
        return [an_access("research-1", route="openai", action="POST")]

    @pytest.fixture
    def denied(self):
        return [an_access("anyone", route="other", action="DELETE")]

    @pytest.fixture
    def no_opinion(self):
        return [
            an_access("research-1", route="openai", action="GET"),
            an_access("research-1", route="other", action="POST"),
            an_access("Research-1", route="openai", action="POST"),
            an_access("stranger", route="openai", action="POST"),
        ]


async def test_a_deny_wins_wherever_it_stands():
    """The order in the file says nothing."""
    deny = DENY | {"agents": ["research-7"]}
    for policies in ([PERMIT, deny], [deny, PERMIT]):
        part = table(*policies)
        decision = await part.decide(an_access("research-7", route="openai"))
        assert (decision.permit, decision.policy) == (False, "no-deletes")
        decision = await part.decide(an_access("research-8", route="openai"))
        assert (decision.permit, decision.policy) == (True, "researchers")


async def test_every_route_includes_the_named_ones():
    """A policy for * also speaks of routes that have policies of their own."""
    part = table(PERMIT | {"id": "all", "routes": ["*"]}, PERMIT | {"agents": ["other"]})
    for route in ("openai", "elsewhere"):
        decision = await part.decide(an_access("research-1", route=route))
        assert decision.policy == "all"


async def test_no_methods_are_all_of_them():
    """A plugin route's actions included."""
    assert await table(PERMIT).decide(an_access("research-1", route="openai", action="tools/call"))


def test_it_says_which_routes_it_names():
    """So that a misspelt one can be refused at boot."""
    policies = PERMIT | {"routes": ["a", "b"]}, DENY
    assert table(*policies).routes_named == {"a", "b"}


def test_no_policy_is_no_part():
    """The house refuses to start where nobody decides."""
    assert PoliciesPlugin(a_config()).policies(a_services()) == ()


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"effect": "allow"}, "permit"),
        ({"agents": []}, "at least 1"),
        ({"agents": ["a b"]}, "can match no agent"),
        ({"agents": ["[ab]*"]}, "can match no agent"),
        ({"routes": []}, "at least 1"),
        ({"methods": []}, "at least 1"),
        ({"methods": ["post"]}, "write POST"),
        ({"methods": ["PO ST"]}, "pattern"),
        ({"id": "a b"}, "pattern"),
        ({"agent": ["*"]}, "not permitted"),
    ],
)
def test_what_cannot_be_meant_is_refused(change, complaint):
    """A policy that silently matches nothing would fail open where it denies."""
    with pytest.raises(ValidationError, match=complaint):
        a_config(PERMIT | change)


@pytest.mark.parametrize("key", ["id", "effect", "agents", "routes"])
def test_nothing_is_meant_by_silence(key):
    """Who, what and where are said aloud."""
    with pytest.raises(ValidationError, match="required"):
        a_config({name: value for name, value in PERMIT.items() if name != key})


def test_two_policies_of_one_id_are_refused():
    """The audit record could not say which of them decided."""
    with pytest.raises(ValidationError, match="rename one"):
        a_config(PERMIT, PERMIT)


class TestPlugin(PluginContract):
    """It owes what every plugin owes."""

    @pytest.fixture
    def plugin_class(self):
        return PoliciesPlugin

    @pytest.fixture
    def config(self):
        return {"policies": [PERMIT]}
