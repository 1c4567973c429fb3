"""Claims are believed only in their right form, in their time, and for the right audience."""

import contextlib
import re
from math import inf, nan

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from msgspec.structs import replace

from caracal_auth_jwt.claims import ClaimRules
from caracal_core.domain.globs import Globs
from caracal_core.errors import Unauthenticated

NOW = 1_800_000_000.5
GOOD = {"sub": "research-1", "exp": NOW + 600}
RULES = ClaimRules(
    issuer=None, audiences=None, agent_claim=None, leeway_seconds=30, max_lifetime_seconds=3600
)
STRICT = ClaimRules(
    issuer="https://idp.example",
    audiences=frozenset({"caracal"}),
    agent_claim=None,
    leeway_seconds=0,
    max_lifetime_seconds=3600,
)
FOR_US = GOOD | {"iss": "https://idp.example", "aud": "caracal"}


def refused(claims, rules=RULES):
    with pytest.raises(Unauthenticated) as caught:
        rules.prove(claims, NOW)
    return caught.value.internal


@pytest.mark.parametrize("name", ["exp", "nbf", "iat"])
@pytest.mark.parametrize(
    "value",
    [
        "1800000600",
        None,
        True,
        [1],
        {},
        nan,
        inf,
        -inf,
        -1,
        10**4000,
        2**63,
        253_402_300_800,
        1e300,
    ],
)
def test_a_time_that_is_no_time_is_refused(name, value):
    """A text, a truth value, a number past the year 9999 or none at all is no NumericDate."""
    assert refused(GOOD | {name: value}) == (
        f"the token's {name} is not a number of seconds since 1970"
    )


def test_a_token_without_an_end_is_refused():
    """exp is required."""
    assert refused({"sub": "research-1"}) == "the token has no exp"


def test_a_token_has_expired_at_exp_plus_leeway():
    """RFC 7519 section 4.1.4: on or after exp, leeway allowed."""
    assert RULES.prove(GOOD | {"exp": NOW - 29.9}, NOW).principal.id == "research-1"
    assert refused(GOOD | {"exp": NOW - 30}) == "the token has expired"
    assert refused(FOR_US | {"exp": NOW}, STRICT) == "the token has expired"


@pytest.mark.parametrize(
    ("name", "reason"),
    [("nbf", "the token is not valid yet"), ("iat", "the token was issued in the future")],
)
def test_a_token_from_the_future_is_refused(name, reason):
    """nbf and iat are believed where they stand, leeway allowed."""
    assert RULES.prove(GOOD | {name: NOW + 30}, NOW).principal.id == "research-1"
    assert refused(GOOD | {name: NOW + 30.1}) == reason


@pytest.mark.parametrize(
    "times", [{"exp": NOW + 3601}, {"iat": NOW - 3000, "exp": NOW + 601}, {"exp": 253_402_300_799}]
)
def test_no_token_lives_longer_than_the_maximum(times):
    """From iat, or from now where there is no iat, to exp."""
    reason = "the token is valid for longer than max_lifetime_seconds"
    assert refused(GOOD | times) == reason


def test_a_token_of_the_maximum_lifetime_passes():
    """The limit itself is allowed, and times may be fractions."""
    RULES.prove(GOOD | {"exp": NOW + 3600}, NOW)
    RULES.prove(GOOD | {"iat": NOW - 3000, "exp": NOW + 600}, NOW)


@pytest.mark.parametrize(
    "audience", ["caracal", ["caracal"], ["another", "caracal"], ["caracal", "caracal"]]
)
def test_a_token_for_us_passes(audience):
    """aud is a text or a list of texts."""
    assert STRICT.prove(FOR_US | {"aud": audience}, NOW).principal.id == "research-1"


@pytest.mark.parametrize("audience", ["another", "Caracal", "caracal/", "caraca", ["another"]])
def test_a_token_for_another_audience_is_refused(audience):
    """Neither part of the name nor another letter case is us."""
    assert refused(FOR_US | {"aud": audience}, STRICT) == "the token is for another audience"


@pytest.mark.parametrize("audience", [None, 1, {"caracal": 1}, [], ["caracal", 1], [["caracal"]]])
def test_an_audience_that_is_none_is_refused_even_where_nobody_asks(audience):
    """A malformed claim is refused, not skipped."""
    for rules in (RULES, STRICT):
        assert refused(FOR_US | {"aud": audience}, rules).startswith("the token's aud is neither")


def test_missing_issuer_and_audience_are_refused_where_configured():
    """An absent claim is not a matching one."""
    assert refused(GOOD | {"aud": "caracal"}, STRICT) == "the token is another issuer's"
    assert refused(GOOD | {"iss": "https://idp.example"}, STRICT) == (
        "the token is for another audience"
    )


@pytest.mark.parametrize("issuer", ["https://idp.example/", "https://IDP.example", "", "idp"])
def test_another_issuer_is_refused(issuer):
    """iss is compared to the letter."""
    assert refused(FOR_US | {"iss": issuer}, STRICT) == "the token is another issuer's"


def test_the_agent_is_agent_id_else_sub():
    """agent_id wins where it stands."""
    assert RULES.prove(GOOD, NOW).principal.id == "research-1"
    assert RULES.prove(GOOD | {"agent_id": "a/b@c"}, NOW).principal.id == "a/b@c"


@pytest.mark.parametrize("value", [None, "", 7, ["research-1"], "a b", "a\n", "ä", "a" * 129, "a*"])
def test_an_agent_id_that_is_no_name_is_refused_though_sub_is_good(value):
    """A bad name is not a reason to look for a better one."""
    assert "does not name an agent" in refused(GOOD | {"agent_id": value})


def test_the_operator_may_name_the_claim():
    """A configured claim is the only one that is asked."""
    rules = ClaimRules(None, None, "client", 30, 3600)
    assert rules.prove(GOOD | {"client": "c-1", "agent_id": "b"}, NOW).principal.id == "c-1"
    assert "does not name an agent" in refused(GOOD | {"agent_id": "b"}, rules)


@given(st.text(max_size=140))
@example("a" * 128)
def test_every_name_that_passes_is_a_name(text):
    """1-128 of A-Z a-z 0-9 . _ : / @ | + = - and nothing else."""
    letters = set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._:/@|+=-")
    right = 1 <= len(text) <= 128 and set(text) <= letters
    rules = ClaimRules(None, None, "client", 30, 3600)  # the name of no attribute
    try:
        assert rules.prove(GOOD | {"client": text}, NOW).principal.id == text
        assert right
    except Unauthenticated:
        assert not right


@pytest.mark.parametrize("name", ["iss", "sub", "jti", "scope", "scp"])
@pytest.mark.parametrize("value", [None, 1, {}, ["a", 1], "a\nb", "a\x1b[2J", "a" * 1025, "\u202e"])
def test_an_attribute_that_is_no_short_printable_text_is_refused(name, value):
    """Attributes reach logs and policies: text, at most 1024 characters, nothing unprintable."""
    assert refused(GOOD | {name: value}) == f"the token's {name} is not one short, printable text"


def test_only_known_claims_become_attributes():
    """Who issued it to whom, its id and its scopes; a list of scopes is joined."""
    claims = GOOD | {"jti": "1", "scope": ["a", "b"], "email": "x@example.org", "aud": "caracal"}
    found = RULES.prove(claims | {"iss": "i"}, NOW).principal.attributes
    assert dict(found) == {"issuer": "i", "subject": "research-1", "jti": "1", "scopes": "a b"}
    with pytest.raises(TypeError):
        found["scopes"] = "everything"


@pytest.mark.parametrize(
    "scopes",
    [{"scope": "a b"}, {"scp": "a b"}, {"scp": ["a", "b"]}, {"scp": "a b", "scope": "a b"}],
)
def test_scopes_have_one_name_whatever_the_issuer_calls_them(scopes):
    """RFC 9068 says scope, others say scp."""
    assert RULES.prove(GOOD | scopes, NOW).principal.attributes["scopes"] == "a b"


def test_scopes_that_are_said_twice_and_differ_are_refused():
    """Which of them counts must not be a question."""
    assert refused(GOOD | {"scp": "a", "scope": "b"}) == "the token's scope and scp differ"


def test_a_credential_is_named_by_its_issuer_and_its_id():
    """What is revoked by name; a long name is told by its digest, and no id is no name."""

    def named(**claims):
        return RULES.prove(GOOD | claims, NOW).principal.credential

    assert named(iss="https://idp.example", jti="17") == "https://idp.example 17"
    assert named(jti="17") == "17"
    assert named(iss="https://idp.example") is None
    assert named(iss="i", jti="") is None
    long = named(iss="i", jti="x" * 300)
    assert long.startswith("sha256:")
    assert len(long) <= 256
    assert long != named(iss="i", jti="x" * 301)


def test_the_earliest_time_of_issue_is_told():
    """All older tokens of an agent can be revoked by it, those of a fast issuer's clock too."""
    assert RULES.prove(GOOD | {"iat": NOW - 7}, NOW).principal.issued_at == NOW - 37
    assert RULES.prove(GOOD | {"iat": NOW + 30}, NOW).principal.issued_at == NOW
    assert RULES.prove(GOOD, NOW).principal.issued_at is None


@given(st.integers(0, 300), st.integers(0, 3600), st.integers(-300, 300))
def test_no_token_counts_as_issued_later_than_it_was(leeway, age, error):
    """Whatever the issuer's clock said, as far as such a token is accepted at all."""
    rules = replace(RULES, leeway_seconds=leeway, max_lifetime_seconds=86_400)
    error = max(min(error, leeway), -leeway)
    issued = NOW - age
    principal = rules.prove(GOOD | {"iat": issued + error}, NOW).principal
    assert issued - 2 * leeway <= principal.issued_at <= issued


def test_a_proof_says_for_how_long_it_holds():
    """As long as these very claims would pass, leeway counted in."""
    proof = RULES.prove(GOOD | {"nbf": NOW - 5, "iat": NOW - 9}, NOW)
    assert (proof.begins_at, proof.ends_at) == (NOW - 35, NOW + 630)
    assert RULES.prove(GOOD, NOW).begins_at <= 0


def test_one_of_several_audiences_is_enough():
    """The gateway may be known by several names."""
    rules = replace(STRICT, audiences=frozenset({"caracal", "gateway"}))
    for audience in ("caracal", "gateway", ["x", "gateway"]):
        assert rules.prove(FOR_US | {"aud": audience}, NOW).principal.id == "research-1"
    assert refused(FOR_US | {"aud": "x"}, rules) == "the token is for another audience"


def test_an_issuer_proves_only_the_agents_that_it_may():
    """One issuer cannot mint another's agents."""
    rules = replace(RULES, agents=Globs(["research-*", "boss"]))
    for name in ("research-1", "research-", "boss"):
        assert rules.prove(GOOD | {"sub": name}, NOW).principal.id == name
    for name in ("Research-1", "xresearch-1", "boss2", "research", "finance-1"):
        assert "may not prove" in refused(GOOD | {"sub": name}, rules)


def test_a_required_claim_must_be_there():
    rules = replace(RULES, required=frozenset({"jti", "tenant"}))
    assert rules.prove(GOOD | {"jti": "1", "tenant": None}, NOW).principal.id == "research-1"
    assert refused(GOOD | {"jti": "1"}, rules) == "the token lacks a required claim"


ONCE = replace(RULES, single_use=True)
USED = GOOD | {"iss": "i", "jti": "17", "iat": NOW - 5}


def test_a_token_for_single_use_says_what_is_claimed_of_it():
    """The same for every spelling of the token, another for every other id or issuer."""
    (once,) = ONCE.prove(USED, NOW).principal.once  # its time as it stands there
    assert once.issued_at == NOW - 5
    assert re.fullmatch(r"jti:[\w-]{43}", once.value)
    others = [{"jti": "18"}, {"iss": "j"}, {"iss": "i1", "jti": "7"}, {"jti": "17 "}]
    values = {ONCE.prove(USED | other, NOW).principal.once[0].value for other in others}
    assert len(values | {once.value}) == 5
    assert ONCE.prove(USED | {"x": 1}, NOW).principal.once == (once,)
    assert RULES.prove(USED, NOW).principal.once == ()


@pytest.mark.parametrize("change", [{"jti": ""}, {"jti": ...}, {"iat": ...}])
def test_a_token_for_single_use_needs_an_id_and_a_time(change):
    """Without them nothing could be remembered of it."""
    claims = {name: value for name, value in (USED | change).items() if value is not ...}
    assert refused(claims, ONCE) == "the token is for single use and has no jti or no iat"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@given(
    st.dictionaries(
        st.sampled_from(["sub", "agent_id", "exp", "nbf", "iat", "iss", "aud", "jti", "scope"]),
        JSON,
    )
)
def test_whatever_is_claimed_ends_in_a_principal_or_a_refusal(claims):
    """No signed claims make the rules stumble; and one changed claim of a good set is judged."""
    for rules in (RULES, STRICT):
        for candidate in (claims, FOR_US | claims):
            with contextlib.suppress(Unauthenticated):
                principal = rules.prove(candidate, NOW).principal
                assert all(text.isprintable() for text in principal.attributes.values())
