"""Claims are believed only in their right form, in their time, and for the right audience."""

import contextlib
from math import inf, nan

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from caracal_auth_jwt.claims import ClaimRules
from caracal_core.errors import Unauthenticated

NOW = 1_800_000_000.5
GOOD = {"sub": "research-1", "exp": NOW + 600}
RULES = ClaimRules(
    issuer=None, audience=None, agent_claim=None, leeway_seconds=30, max_lifetime_seconds=3600
)
STRICT = ClaimRules(
    issuer="https://idp.example",
    audience="caracal",
    agent_claim=None,
    leeway_seconds=0,
    max_lifetime_seconds=3600,
)
FOR_US = GOOD | {"iss": "https://idp.example", "aud": "caracal"}


def refused(claims, rules=RULES):
    with pytest.raises(Unauthenticated) as caught:
        rules.principal(claims, NOW)
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
    assert RULES.principal(GOOD | {"exp": NOW - 29.9}, NOW).id == "research-1"
    assert refused(GOOD | {"exp": NOW - 30}) == "the token has expired"
    assert refused(FOR_US | {"exp": NOW}, STRICT) == "the token has expired"


@pytest.mark.parametrize(
    ("name", "reason"),
    [("nbf", "the token is not valid yet"), ("iat", "the token was issued in the future")],
)
def test_a_token_from_the_future_is_refused(name, reason):
    """nbf and iat are believed where they stand, leeway allowed."""
    assert RULES.principal(GOOD | {name: NOW + 30}, NOW).id == "research-1"
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
    RULES.principal(GOOD | {"exp": NOW + 3600}, NOW)
    RULES.principal(GOOD | {"iat": NOW - 3000, "exp": NOW + 600}, NOW)


@pytest.mark.parametrize(
    "audience", ["caracal", ["caracal"], ["another", "caracal"], ["caracal", "caracal"]]
)
def test_a_token_for_us_passes(audience):
    """aud is a text or a list of texts."""
    assert STRICT.principal(FOR_US | {"aud": audience}, NOW).id == "research-1"


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
    assert RULES.principal(GOOD, NOW).id == "research-1"
    assert RULES.principal(GOOD | {"agent_id": "a/b@c"}, NOW).id == "a/b@c"


@pytest.mark.parametrize("value", [None, "", 7, ["research-1"], "a b", "a\n", "ä", "a" * 129, "a*"])
def test_an_agent_id_that_is_no_name_is_refused_though_sub_is_good(value):
    """A bad name is not a reason to look for a better one."""
    assert "does not name an agent" in refused(GOOD | {"agent_id": value})


def test_the_operator_may_name_the_claim():
    """A configured claim is the only one that is asked."""
    rules = ClaimRules(None, None, "client", 30, 3600)
    assert rules.principal(GOOD | {"client": "c-1", "agent_id": "b"}, NOW).id == "c-1"
    assert "does not name an agent" in refused(GOOD | {"agent_id": "b"}, rules)


@given(st.text(max_size=140))
@example("a" * 128)
def test_every_name_that_passes_is_a_name(text):
    """1-128 of A-Z a-z 0-9 . _ : / @ | + = - and nothing else."""
    letters = set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._:/@|+=-")
    right = 1 <= len(text) <= 128 and set(text) <= letters
    rules = ClaimRules(None, None, "client", 30, 3600)  # the name of no attribute
    try:
        assert rules.principal(GOOD | {"client": text}, NOW).id == text
        assert right
    except Unauthenticated:
        assert not right


@pytest.mark.parametrize("name", ["iss", "jti", "scope"])
@pytest.mark.parametrize("value", [None, 1, {}, ["a", 1], "a\nb", "a\x1b[2J", "a" * 1025, "\u202e"])
def test_an_attribute_that_is_no_short_printable_text_is_refused(name, value):
    """Attributes reach logs and policies: text, at most 1024 characters, nothing unprintable."""
    assert refused(GOOD | {name: value}) == f"the token's {name} is not one short, printable text"


def test_only_known_claims_become_attributes():
    """iss, sub, jti and scope; a list of scopes is joined."""
    claims = GOOD | {"jti": "1", "scope": ["a", "b"], "email": "x@example.org", "aud": "caracal"}
    found = RULES.principal(claims, NOW).attributes
    assert dict(found) == {"sub": "research-1", "jti": "1", "scope": "a b"}
    with pytest.raises(TypeError):
        found["scope"] = "everything"


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
                principal = rules.principal(candidate, NOW)
                assert all(text.isprintable() for text in principal.attributes.values())
