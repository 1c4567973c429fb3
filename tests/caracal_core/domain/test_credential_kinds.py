"""A kind says what was shown, in few words that are known beforehand, and never what it says."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caracal_core.domain.credential_kinds import (
    header_of,
    is_kind,
    own_of,
    shown,
    taken_by,
)
from caracal_core.testing.fakes import a_request

OWN = frozenset({"x-their-token"})
JWS = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhbm5hIn0.c2ln"


@pytest.mark.parametrize(
    ("headers", "kinds"),
    [
        ([], ()),
        ([("Authorization", f"Bearer {JWS}")], ("bearer_jws",)),
        ([("Authorization", f"bEARER {JWS}")], ("bearer_jws",)),
        ([("Authorization", "Bearer ck_0123456789")], ("bearer_other",)),
        ([("Authorization", "Bearer a..c")], ("bearer_jws",)),
        ([("Authorization", "Bearer .b.c")], ("bearer_jws",)),
        ([("Authorization", "Bearer a.b.")], ("bearer_jws",)),
        ([("Authorization", "Bearer id.secret")], ("bearer_other",)),
        ([("Authorization", "Bearer v4.public.x.y")], ("bearer_other",)),
        ([("Authorization", "Bearer a.b.c.d.e")], ("bearer_other",)),
        ([("Authorization", "Bearer")], ("bearer_other",)),
        ([("Authorization", "ApiKey ck_01")], ("authorization_apikey",)),
        ([("Authorization", "Basic dTpw")], ("authorization_basic",)),
        ([("Authorization", "DPoP a.b.c")], ("authorization_other",)),
        ([("Authorization", "")], ("authorization_other",)),
        ([("X-API-Key", "ck_01")], ("x_api_key",)),
        ([("X-Their-Token", "t")], ("header:x-their-token",)),
        ([("X-Other-Token", "t"), ("Cookie", "a=b")], ()),
        (
            [("X-API-Key", "k"), ("Authorization", "Basic dTpw")],
            ("authorization_basic", "x_api_key"),
        ),
        ([("Authorization", "Basic a"), ("Authorization", "Basic b")], ("authorization_basic",)),
    ],
)
def test_a_request_shows_these_kinds(headers, kinds):
    assert shown(a_request(headers=headers), OWN) == kinds
    beside = a_request(headers=headers, certificate=b"der")
    assert shown(beside, OWN) == tuple(sorted(["certificate", *kinds]))


VALUES = st.text(st.characters(min_codepoint=0x20, max_codepoint=0xFF), max_size=60)


@given(VALUES, VALUES)
def test_whatever_is_sent_the_words_are_of_the_vocabulary_and_sorted(authorization, key):
    headers = [("Authorization", authorization), ("X-API-Key", key), ("X-Their-Token", key)]
    kinds = shown(a_request(headers=headers), OWN)
    assert all(map(is_kind, kinds))
    assert kinds == tuple(sorted(set(kinds)))
    assert {header_of(kind) for kind in kinds} == {"authorization", "x-api-key", "x-their-token"}


@pytest.mark.parametrize(
    ("headers", "kinds"),
    [
        (set(), {"certificate"}),
        ({"x-their-token"}, {"header:x-their-token"}),
        ({"x-api-key", "x-their-token"}, {"x_api_key", "header:x-their-token"}),
        (
            {"authorization"},
            {
                "bearer_jws",
                "bearer_other",
                "authorization_apikey",
                "authorization_basic",
                "authorization_other",
            },
        ),
    ],
)
def test_header_fields_say_which_kinds_are_taken(headers, kinds):
    assert taken_by(headers) == kinds
    assert {header_of(kind) for kind in kinds} == (headers or {None})


def test_header_fields_of_the_vocabulary_are_nobodys_own():
    assert own_of({"authorization", "x-api-key", "x-their-token"}) == {"x-their-token"}


@pytest.mark.parametrize("word", ["", "jwt", "Certificate", "header:", "x-api-key"])
def test_other_words_are_no_kinds(word):
    assert not is_kind(word)
