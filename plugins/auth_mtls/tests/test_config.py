"""The section refuses what could not be meant, naming the key, and has safe defaults."""

import pytest
from pydantic import ValidationError

from caracal_auth_mtls.config import SPIFFE_ID, MtlsConfig, NameRule


def kinds(config):
    return [pattern.kind for pattern in config.patterns]


def test_the_defaults_are_strict():
    config = MtlsConfig()
    assert config.strict
    assert config.agents == ("*",)
    assert config.trusted_proxies == config.crl_file == ()
    assert kinds(config) == ["spiffe"]
    assert config.patterns[0].agent("spiffe://any.domain/agent/x") == "x"


def test_relaxed_mode_takes_common_names_last():
    assert kinds(MtlsConfig(strict=False)) == ["spiffe", "cn"]
    own = MtlsConfig(strict=False, names=[{"cn": "{agent}"}, {"dns": "{agent}.example"}])
    assert kinds(own) == ["cn", "dns"]


@pytest.mark.parametrize(
    ("section", "why"),
    [
        ({"names": [{}]}, "exactly one of spiffe, uri, dns, cn"),
        ({"names": [{"uri": "{agent}", "dns": "{agent}"}]}, "exactly one of"),
        ({"names": [{"agent": "{agent}"}]}, "exactly one of"),
        ({"names": [{"spiffe": "spiffe://a/{agent"}]}, "brace"),
        ({"names": [{"cn": "{agent}"}]}, "relaxed mode only"),
        ({"names": [{"cn": ""}], "strict": False}, "at least 1"),
        ({"agents": []}, "agents"),
        ({"agents": ["a b"]}, "agents"),
        ({"agents": "research-*"}, "agents"),
        ({"trusted_proxies": ["https://edge"]}, "SPIFFE IDs"),
        ({"trusted_proxies": ["spiffe://corp.example/*"]}, "SPIFFE IDs"),
        ({"strict": "perhaps"}, "strict"),
    ],
)
def test_what_cannot_be_meant_is_refused(section, why):
    with pytest.raises(ValidationError, match=why):
        MtlsConfig.model_validate(section)


def test_one_list_or_several_are_given_alike(tmp_path):
    one, other = tmp_path / "one", tmp_path / "other"
    assert MtlsConfig(crl_file=str(one)).crl_file == (one,)
    assert MtlsConfig(crl_file=one).crl_file == (one,)
    assert MtlsConfig(crl_file=f"{one}, {other}").crl_file == (one, other)
    assert MtlsConfig(crl_file=[one, str(other)]).crl_file == (one, other)


def test_a_rule_stands_for_its_pattern():
    rule = NameRule(dns="{agent}.example", agent="dns/{agent}")
    assert rule.compile().agent("x.example") == "dns/x"


@pytest.mark.parametrize(
    ("text", "good"),
    [
        ("spiffe://corp.example", True),
        ("spiffe://corp.example/a/B_1.x-y", True),
        ("spiffe://Corp.example/a", False),
        ("spiffe://corp.example/", False),
        ("spiffe://corp.example//a", False),
        ("spiffe://corp.example/../a", False),
        ("spiffe://corp.example/.", False),
        ("spiffe://corp.example/...", True),
        ("spiffe://corp.example:1/a", False),
        ("spiffe://u@corp.example/a", False),
        ("spiffe://corp.example/a?b", False),
        ("spiffe://corp.example/a%20", False),
        ("SPIFFE://corp.example/a", False),
        ("spiffe:///a", False),
    ],
)
def test_the_form_of_a_spiffe_id(text, good):
    """The SPIFFE ID standard, section 2."""
    assert bool(SPIFFE_ID.fullmatch(text)) == good
