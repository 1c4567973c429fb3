"""Words with commas between them become a list; whatever is no text stays as it is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caracal_core.config.words import words


def test_blanks_and_empty_words_are_dropped():
    assert words(" mtls, jwt,,") == ["mtls", "jwt"]


@pytest.mark.parametrize("value", [["a,b"], None, 3, {"a": 1}])
def test_what_is_no_text_stays(value):
    assert words(value) is value


@given(st.lists(st.text("abc_", min_size=1)))
def test_joined_words_come_back(listed):
    assert words(",".join(listed)) == listed
