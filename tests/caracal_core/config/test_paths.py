"""Paths are written for people as they would write them, and never ambiguously."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caracal_core.config.paths import dotted


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ((), ""),
        (("listen",), "listen"),
        (("routes", 0, "upstream"), "routes[0].upstream"),
        (("upstreams", "a.b", "url"), 'upstreams["a.b"].url'),
    ],
)
def test_form(path, text):
    assert dotted(path) == text


@given(st.lists(st.lists(st.text() | st.integers(0, 99), min_size=1), max_size=4))
def test_two_paths_are_never_written_alike(paths):
    distinct = {tuple(path) for path in paths}
    assert len({dotted(path) for path in distinct}) == len(distinct)
