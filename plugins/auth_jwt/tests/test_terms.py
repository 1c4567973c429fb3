"""Whichever way an issuer is configured, its terms are complete."""

from msgspec.structs import asdict

from caracal_auth_jwt.config import JwtConfig
from caracal_auth_jwt.terms import terms_of

LISTED = {
    "issuer": "https://idp.example",
    "audience": ["caracal", "b"],
    "algorithms": ["RS256", "ES256"],
    "agents": ["research-*"],
    "jwks_file": "jwks.json",
}
OWN = {
    "agent_claim": "client",
    "leeway_seconds": 0.0,
    "max_lifetime_seconds": 60.0,
    "types": ("at+jwt",),
    "accept_untyped": False,
}
SECTION = {
    "agent_claim": "agent",
    "leeway_seconds": 5.0,
    "max_lifetime_seconds": 600.0,
    "types": ("jwt",),
    "accept_untyped": True,
}


def test_the_flat_keys_make_one_issuer_that_may_prove_any_agent():
    (terms,) = terms_of(JwtConfig(issuer="i", audience="a", algorithm="ES256", **SECTION))
    assert asdict(terms) == {
        "issuer": "i",
        "audiences": ("a",),
        "algorithms": ("ES256",),
        "agents": ("*",),
        "required_claims": (),
        "single_use": False,
        **SECTION,
    }
    assert terms_of(JwtConfig())[0].audiences == ()
    assert terms_of(JwtConfig())[0].claim_rules.audiences is None


def test_an_issuer_of_the_list_takes_from_the_section_what_it_leaves_open():
    (terms,) = terms_of(JwtConfig(issuers=[LISTED], **SECTION))
    assert {name: getattr(terms, name) for name in SECTION} == SECTION


def test_what_it_says_itself_counts_zero_and_false_included():
    more = {"required_claims": ["jti"], "single_use": True}
    (terms,) = terms_of(JwtConfig(issuers=[LISTED | OWN | more], **SECTION))
    assert {name: getattr(terms, name) for name in OWN} == OWN
    assert (terms.required_claims, terms.single_use) == (("jti",), True)


def test_the_rules_are_the_terms():
    (terms,) = terms_of(JwtConfig(issuers=[LISTED | OWN | {"single_use": True}]))
    header, claims = terms.header_rules, terms.claim_rules
    assert header.algorithms == {"RS256", "ES256"}
    assert (header.types, header.accept_untyped) == ({"at+jwt"}, False)
    assert (claims.issuer, claims.audiences) == ("https://idp.example", {"caracal", "b"})
    assert (claims.agent_claim, claims.leeway_seconds) == ("client", 0)
    assert (claims.max_lifetime_seconds, claims.single_use) == (60, True)
    assert claims.agents.match("research-1")
    assert not claims.agents.match("finance-1")


def test_an_agent_is_one_by_its_name_and_the_issuers_globs():
    (terms,) = terms_of(JwtConfig(issuers=[LISTED]))
    assert terms.may_prove("research-1")
    for name in ("finance-1", "research- 1", "research-" + "x" * 128, ""):
        assert not terms.may_prove(name)


def test_terms_may_be_for_a_name_that_was_left_open():
    (terms,) = terms_of(JwtConfig())
    assert (terms.issuer, terms.named("i").issuer) == (None, "i")
