"""Case 20: an ID token, a proof or an event is no access token, as far as it can be told."""

import pytest

from caracal_auth_jwt.token_types import bare_type, check_claims
from caracal_core.errors import Unauthenticated

ACCESS = {"iss": "https://idp.example", "sub": "a", "aud": "caracal", "exp": 1, "scope": "read"}


@pytest.mark.parametrize("header", [{}, {"typ": "JWT"}, {"typ": "at+jwt"}, {"typ": 1}])
def test_an_access_token_passes(header):
    check_claims(header, ACCESS)


@pytest.mark.parametrize("claim", ["at_hash", "c_hash", "s_hash", "nonce", "events", "htm", "htu"])
def test_a_claim_of_another_kind_of_token_betrays_it(claim):
    """ID tokens of web logins, logout tokens, security events and DPoP proofs."""
    for header in ({}, {"typ": "JWT"}):
        with pytest.raises(Unauthenticated) as caught:
            check_claims(header, ACCESS | {claim: "x"})
        assert caught.value.internal == "the token has a claim of ID tokens, proofs or events"


@pytest.mark.parametrize(
    "said",
    [
        {"typ": "ID"},
        {"typ": "Refresh"},
        {"typ": "Offline"},
        {"typ": "Logout"},
        {"token_use": "id"},
        {"token_use": "refresh"},
    ],
)
def test_a_token_that_says_it_is_another_kind_is_believed(said):
    """As Keycloak and Cognito write it."""
    with pytest.raises(Unauthenticated) as caught:
        check_claims({"typ": "JWT"}, ACCESS | said)
    assert caught.value.internal == "the token says that it is no access token"


@pytest.mark.parametrize("said", [{"typ": "Bearer"}, {"token_use": "access"}])
def test_an_access_token_that_says_so_may_have_a_nonce(said):
    """Some issuers copy the login's nonce into the access token."""
    check_claims({"typ": "JWT"}, ACCESS | {"nonce": "x"} | said)


def test_the_header_s_word_is_enough():
    """RFC 9068 section 2.1, in any letter case."""
    for typ in ("at+jwt", "application/AT+JWT"):
        check_claims({"typ": typ}, ACCESS | {"nonce": "x"})


@pytest.mark.parametrize("value", [None, 1, [], ["ID"], {}, True])
def test_a_word_that_is_no_text_says_nothing(value):
    check_claims({}, ACCESS | {"typ": value, "token_use": value})


def test_types_are_compared_bare():
    assert bare_type("application/AT+JWT") == bare_type("at+jwt") == "at+jwt"
