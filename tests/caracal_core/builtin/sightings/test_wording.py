"""People read kinds in their own words."""

import pytest

from caracal_core.builtin.sightings.wording import kinds_in_words, listed
from caracal_core.domain.credential_kinds import is_kind, taken_by


@pytest.mark.parametrize(
    ("words", "text"), [([], ""), (["a"], "a"), (["a", "b"], "a and b"), ([*"abc"], "a, b and c")]
)
def test_words_are_listed_as_in_a_sentence(words, text):
    assert listed(words) == text


def test_kinds_are_told_in_order_and_those_of_a_schemes_own_by_their_header():
    kinds = {"header:x-their-token", "certificate", "bearer_jws"}
    assert kinds_in_words(kinds) == (
        "a signed bearer token, a certificate and the header x-their-token"
    )


def test_every_kind_has_words():
    kinds = taken_by({"authorization", "x-api-key"}) | taken_by(set())
    assert not [kind for kind in kinds if is_kind(kind) and "None" in kinds_in_words({kind})]
