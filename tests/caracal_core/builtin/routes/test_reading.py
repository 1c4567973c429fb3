"""Proved here: the lenient reading leaves out what any server may, and is cheaply ruled out."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caracal_core.builtin.routes.reading import climbs, is_ambiguous, most_lenient

PIECES = st.sampled_from(["/", "a", "b", ".", ";", "%20", "%3b", "%C3%A9", "x"])
PATHS = st.lists(PIECES, max_size=12).map(lambda pieces: "/" + "".join(pieces))


@pytest.mark.parametrize(
    ("path", "read"),
    [
        ("/a/b", "/a/b"),
        ("/a/", "/a"),
        ("/", ""),
        ("/a;x=1/b", "/a/b"),
        ("/a%3bx/b%3Bx", "/a/b"),
        ("/a./b..", "/a/b"),
        ("/a%20/b%20%20", "/a/b"),
        ("/a. ;x/b.%20.", "/a/b"),
        ("/;x/a", "/a"),
        ("/a.b/c%20d", "/a.b/c d"),
    ],
)
def test_what_a_server_may_leave_out_is_left_out(path, read):
    """And nothing else is: dots and spaces within a segment count."""
    assert most_lenient(path) == read


@pytest.mark.parametrize(
    "segment", [".", "..", "...", "..;x", "..%3bx", "..%20", "%20.%20", ".%20;x"]
)
def test_a_segment_of_dots_may_climb(segment):
    """Wherever it stands."""
    assert climbs(f"/a/{segment}/b")
    assert climbs(f"/{segment}")


@pytest.mark.parametrize("path", ["/", "/a.b/..c/d..", "/%20", "/;x/a", "/a...b"])
def test_other_segments_do_not_climb(path):
    """Dots beside other characters are names."""
    assert not climbs(path)


@given(PATHS)
def test_the_cheap_check_misses_nothing(path):
    """A path that it lets pass is read alike by all; empty segments never get so far."""
    if not is_ambiguous(path):
        assert most_lenient(path) == "".join(f"/{each}" for each in path.split("/") if each)
        assert not climbs(path)


@given(PATHS)
def test_reading_twice_changes_nothing(path):
    """Routes and requests are compared in one form."""
    assert most_lenient(most_lenient(path)) == most_lenient(path)
