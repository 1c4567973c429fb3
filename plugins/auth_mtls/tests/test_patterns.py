"""A pattern reads a name in one way only, whole, and never past the end of a segment."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caracal_auth_mtls.patterns import AGENT_NAME, SEGMENT_ENDS, compile_pattern

WORKLOAD = "spiffe://corp.example/ns/{ns}/sa/{sa}"


@pytest.mark.parametrize(
    ("kind", "pattern", "template", "name", "agent"),
    [
        ("spiffe", "spiffe://a/agent/{agent}", "{agent}", "spiffe://a/agent/x-1", "x-1"),
        ("spiffe", "spiffe://a/agent/{agent}", "{agent}", "spiffe://a/agent/x/y", None),
        ("spiffe", "spiffe://a/agent/{agent}", "{agent}", "spiffe://a/agent/", None),
        ("spiffe", "spiffe://a/agent/{agent}", "{agent}", "spiffe://a/agent/x\n", None),
        ("spiffe", "spiffe://a/agent/{agent}", "{agent}", "Xspiffe://a/agent/x", None),
        ("spiffe", "spiffe://*/agent/{agent}", "{agent}", "spiffe://b.c/agent/x", "x"),
        ("spiffe", "spiffe://*/agent/{agent}", "{agent}", "spiffe://b/c/agent/x", None),
        ("spiffe", WORKLOAD, "{ns}/{sa}", "spiffe://corp.example/ns/a/sa/b", "a/b"),
        ("spiffe", "spiffe://a.b/{agent}", "{agent}", "spiffe://axb/agent", None),
        ("uri", "urn:agent:{agent}", "{agent}", "urn:agent:x:y", "x:y"),
        ("uri", "https://a/{agent}", "{agent}", "https://a/x?y", None),
        ("dns", "{agent}.Agents.example", "{agent}", "x-1.agents.example", "x-1"),
        ("dns", "{agent}.agents.example", "{agent}", "x.y.agents.example", None),
        ("dns", "{agent}.agents.example", "ns/{agent}", "x.agents.example", "ns/x"),
        ("cn", "{agent}", "{agent}", "a/b.c", "a/b.c"),
        ("cn", "{agent}", "{agent}", "a b", None),
        ("cn", "agent-{agent}", "{agent}", "agent-x", "x"),
    ],
)
def test_it_matches_whole_names_and_makes_the_agents(kind, pattern, template, name, agent):
    assert compile_pattern(kind, pattern, template).agent(name) == agent


@pytest.mark.parametrize(
    ("pattern", "template", "why"),
    [
        ("spiffe://a/{agent", "{agent}", "brace"),
        ("spiffe://a/{}", "{agent}", "brace"),
        ("spiffe://a/{agent.x}", "{agent}", "brace"),
        ("spiffe://a/{agent[0]}", "{agent}", "brace"),
        ("spiffe://{agent}/{agent}", "{agent}", "twice"),
        ("spiffe://a/{x}{y}", "{x}{y}", "two ways"),
        ("spiffe://a/{x}-{y}", "{x}{y}", "two ways"),
        ("spiffe://a/{agent}*", "{agent}", "two ways"),
        ("spiffe://a/{agent}", "x", "same agent"),
        ("spiffe://a/*", "x", "same agent"),
        ("spiffe://a/{agent}", "{other}", "does not have"),
        ("spiffe://a/{agent}", "{agent} x", "no agent can have"),
        ("spiffe://a/{agent}", "{agent!r}", "does not have"),
    ],
)
def test_what_is_no_pattern_is_refused(pattern, template, why):
    with pytest.raises(ValueError, match=why):
        compile_pattern("spiffe", pattern, template)


@given(kind=st.sampled_from(sorted(SEGMENT_ENDS)), name=st.text(max_size=40))
def test_whatever_matches_a_place_can_be_part_of_an_agents_name(kind, name):
    """And it never holds what parts the segments."""
    found = compile_pattern(kind, "x{agent}", "{agent}").agent("x" + name)
    end = SEGMENT_ENDS[kind]
    if found is None:
        assert not name or re.search(r"[^A-Za-z0-9._:/@|+=-]", name) or end in name
    else:
        assert found == name
        assert AGENT_NAME.fullmatch(name)
        assert not end or end not in name
