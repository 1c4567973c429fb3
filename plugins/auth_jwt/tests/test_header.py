"""A header chooses nothing: not the algorithm, not the key, not the meaning of the token."""

import pytest

from caracal_auth_jwt.header import HeaderRules
from caracal_core.errors import Unauthenticated

RULES = HeaderRules(frozenset({"RS256"}), frozenset({"jwt", "at+jwt"}), accept_untyped=True)


def refused(header, rules=RULES):
    with pytest.raises(Unauthenticated) as caught:
        rules.check(header)
    return caught.value.internal


@pytest.mark.parametrize("typ", ["JWT", "jwt", "at+jwt", "AT+JWT", "application/at+jwt"])
def test_an_access_token_says_so_in_any_letter_case(typ):
    """RFC 7515 section 4.1.9: types are compared as media types."""
    RULES.check({"alg": "RS256", "typ": typ})


def test_what_does_not_matter_is_ignored():
    """RFC 7515 section 4: members that are not understood are ignored."""
    RULES.check({"alg": "RS256", "x5t": "abc", "cty": "x", "nonce": 1, "iss": None})


@pytest.mark.parametrize(
    "alg",
    [
        "none",
        "None",
        "NONE",
        "",
        "HS256",
        "rs256",
        "RS384",
        "PS256",
        "ES256",
        None,
        256,
        ["RS256"],
        {"RS256": 1},
        True,
        "RS256 ",
        "RS256\x00",
    ],
)
def test_another_algorithm_is_refused(alg):
    """The configured algorithm to the letter, or none."""
    assert refused({"alg": alg}) == "the token's alg is not the configured algorithm"


def test_a_missing_algorithm_is_refused():
    """Nothing is guessed."""
    assert refused({}) == "the token's alg is not the configured algorithm"


@pytest.mark.parametrize("value", [None, False, "", [], {}, "https://evil.example/jwks.json"])
@pytest.mark.parametrize("name", ["crit", "b64", "zip", "enc", "jwk", "jku", "x5u", "x5c"])
def test_members_that_bring_a_key_or_ask_for_more_are_refused(name, value):
    """Whatever their value is, they are never looked at."""
    assert refused({"alg": "RS256", name: value}) == (
        "the token's header has a member that is never accepted"
    )


@pytest.mark.parametrize(
    "typ",
    [
        "id_token",
        "dpop+jwt",
        "application/dpop+jwt",
        "logout+jwt",
        "secevent+jwt",
        "JOSE",
        "",
        None,
        1,
        ["JWT"],
        "text/jwt",
        "application/application/jwt",
        "jwt ",
        "JWT; a=b",
    ],
)
def test_tokens_of_another_type_are_refused(typ):
    """RFC 8725 section 3.11: one kind of token is not taken for another."""
    assert refused({"alg": "RS256", "typ": typ}) == (
        "the token's typ is not one of the accepted types"
    )


def test_untyped_tokens_are_the_operators_choice():
    """RFC 9068 demands at+jwt; many issuers send no type at all."""
    strict = HeaderRules(frozenset({"RS256"}), frozenset({"at+jwt"}), accept_untyped=False)
    RULES.check({"alg": "RS256"})
    assert refused({"alg": "RS256"}, strict) == "the token has no typ"
    assert refused({"alg": "RS256", "typ": "JWT"}, strict).startswith("the token's typ")


@pytest.mark.parametrize(
    "kid",
    [
        "1",
        "DPf8TmvXVTLBCh2EDWS0bVfk/2NxkG9gCgPsM+W2b7A=",
        "did:web:idp.example#key-1",
        "2011-04-29",
        "rsa_2024.v2",
        "a" * 256,
    ],
)
def test_the_names_that_issuers_give_keys_pass(kid):
    """With one pinned key there is nothing to choose by a name."""
    RULES.check({"alg": "RS256", "kid": kid})


@pytest.mark.parametrize(
    "kid",
    [
        "../../x",
        "..",
        "/a/../b",
        "https://evil.example/k",
        "//evil/k",
        "' OR 1=1 --",
        "",
        "a" * 257,
        "a" * 10000,
        "a\x00b",
        "a\nb",
        "a\n",
        "ä",
        "$(id)",
        None,
        1,
        [],
        {},
    ],
)
def test_names_of_keys_that_are_no_names_are_refused(kid):
    """A path, a URL, a statement or a monster is refused though nothing is looked up by it."""
    assert refused({"alg": "RS256", "kid": kid}) == "the token's kid is not a plain name of a key"
