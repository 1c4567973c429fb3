"""Of several names the operator's order chooses; what could mean two agents proves none."""

import pytest

from caracal_auth_mtls.config import MtlsConfig
from caracal_auth_mtls.names import NAMES_MAX, NameRules, names_in
from caracal_core.domain.globs import Globs
from caracal_core.errors import Unauthenticated

ORDERED = [
    {"spiffe": "spiffe://corp.example/agent/{agent}"},
    {"uri": "urn:agent:{agent}"},
    {"dns": "{agent}.agents.example"},
    {"cn": "{agent}"},
]


@pytest.fixture
def agent_of(authority):
    """Issue a certificate with these names, and return the agent that it stands for."""

    def agent_of(*uris, names=ORDERED, agents=("*",), **more):
        rules = MtlsConfig(names=names, strict=False).patterns
        issued = authority.issue(*uris, **more)
        return NameRules(rules, Globs(agents)).agent(names_in(issued.certificate))

    return agent_of


def test_the_first_rule_that_matches_decides(agent_of):
    every = {"dns": ["d.agents.example"], "cn": "c"}
    assert agent_of("spiffe://corp.example/agent/s", "urn:agent:u", **every) == "s"
    assert agent_of("spiffe://other/agent/s", "urn:agent:u", **every) == "u"
    assert agent_of("https://elsewhere/x", **every) == "d"
    assert agent_of(dns=["x.y.z"], cn="c") == "c"
    assert agent_of("spiffe://corp.example/agent/s", names=ORDERED[::-1], **every) == "c"


def test_names_that_agree_are_no_ambiguity(agent_of):
    assert agent_of(dns=["a.agents.example", "A.AGENTS.example"]) == "a"


@pytest.mark.parametrize(
    ("uris", "more", "why"),
    [
        (["spiffe://corp.example/agent/a", "spiffe://corp.example/agent/b"], {}, "several SPIFFE"),
        (["spiffe://corp.example/agent/a", "SPIFFE://other/x"], {}, "several SPIFFE"),
        (["spiffe://corp.example/agent/a/../b"], {}, "not one by its form"),
        (["spiffe://corp.example/agent/" + "a" * 2048], {}, "not one by its form"),
        (["SPIFFE://corp.example/agent/a"], {}, "not one by its form"),
        ([], {"dns": ["a.agents.example", "b.agents.example"]}, "different agents"),
        (["urn:agent:a", "urn:agent:b"], {"cn": "a"}, "different agents"),
        ([], {"dns": ["*.agents.example"], "cn": "a"}, "wildcard"),
        (["spiffe://corp.example/agent/a"], {"dns": ["*.example"]}, "wildcard"),
        ([], {"dns": ["elsewhere"]}, "no name"),
        ([], {}, "no name"),
        (["urn:agent:" + "a" * 129], {}, "no agent can be called"),
        ([], {"dns": ["d.example"] * NAMES_MAX, "cn": "a"}, "more than"),
    ],
)
def test_what_stands_for_no_one_agent_is_refused(agent_of, uris, more, why):
    with pytest.raises(Unauthenticated) as caught:
        agent_of(*uris, **more)
    assert why in caught.value.internal


def test_several_spiffe_ids_matter_only_where_they_are_used(agent_of):
    two = ("spiffe://corp.example/agent/a", "spiffe://corp.example/agent/b")
    assert agent_of(*two, names=ORDERED[3:], cn="c") == "c"


def test_an_authority_proves_only_the_agents_it_may(agent_of):
    assert agent_of(cn="research-1", agents=["ops", "research-*"]) == "research-1"
    with pytest.raises(Unauthenticated) as caught:
        agent_of(cn="ops-1", agents=["ops", "research-*"])
    assert "auth_mtls.agents" in caught.value.internal


def test_a_certificate_without_names_has_none(authority):
    names = names_in(authority.issue().certificate)
    assert (names.spiffe, names.uri, names.dns, names.cn) == ((), (), (), ())
    assert names.spiffe_id is None


def test_without_common_names_all_others_stay(authority):
    uris = ("spiffe://corp.example/agent/a", "urn:agent:a")
    names = names_in(authority.issue(*uris, dns=["a.example"], cn="a").certificate)
    found = names.alternative
    assert (found.spiffe, found.uri, found.dns) == (names.spiffe, names.uri, names.dns)
    assert (names.cn, found.cn) == (("a",), ())
