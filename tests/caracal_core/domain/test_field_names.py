"""One field has one name, however it is spelt, and some are no client's to use."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caracal_core.domain.field_names import FRAMING, TOKEN, canonical, is_gateways_own


@pytest.mark.parametrize("name", ["accept", "X-Their-Token", "a", "x_y", "!#$%&'*+.^_`|~-09"])
def test_a_token_is_a_name(name):
    assert TOKEN.fullmatch(name)


@pytest.mark.parametrize("name", ["", "a b", "a:", "a\r", "ä", "a\x80", "a\0", "(a)"])
def test_what_is_no_token_is_no_name(name):
    assert not TOKEN.fullmatch(name)


@pytest.mark.parametrize(
    "name", ["x-their-token", "X-Their-Token", "x_their_token", "X_THEIR-TOKEN"]
)
def test_spellings_of_one_name_are_the_same(name):
    assert canonical(name) == "x-their-token"


@given(st.text(alphabet="aA-_z9"))
def test_a_canonical_name_stays_as_it_is(name):
    assert canonical(canonical(name)) == canonical(name)


@pytest.mark.parametrize(
    "name", [*sorted(FRAMING), "Host", "Content_Length", "X-Caracal-Nonce", "x_caracal_x"]
)
def test_framing_and_the_gateways_fields_are_its_own(name):
    assert is_gateways_own(name)


@pytest.mark.parametrize("name", ["authorization", "x-caracal", "hosts", "cookie"])
def test_other_fields_are_not(name):
    assert not is_gateways_own(name)
