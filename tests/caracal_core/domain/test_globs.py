"""Proved here: globs mean what they say, case-sensitively, and never take long."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caracal_core.domain.globs import AGENT_GLOB, Globs


@pytest.mark.parametrize(
    ("glob", "matching", "others"),
    [
        ("research-1", ["research-1"], ["research-10", "Research-1", "xresearch-1", ""]),
        ("*", ["", "a", "team/a@b"], []),
        ("research-*", ["research-", "research-1"], ["research", "my-research-1"]),
        ("*-bot", ["-bot", "x-bot"], ["x-bots"]),
        ("a?c", ["abc", "a?c"], ["ac", "abbc"]),
        ("a*c*e", ["ace", "abcde", "acece"], ["ac", "aec"]),
        ("a.c", ["a.c"], ["abc"]),
        ("a|b", ["a|b"], ["a", "b"]),
        ("a+", ["a+"], ["aa"]),
    ],
)
def test_only_star_and_question_mark_are_special(glob, matching, others):
    """Everything else that a name may hold stands for itself."""
    globs = Globs([glob])
    assert all(globs.match(name) for name in matching)
    assert not any(globs.match(name) for name in others)


def test_one_of_several_is_enough():
    """Exact names, beginnings and others are looked at together."""
    globs = Globs(["exact", "begin*", "*end"])
    assert all(globs.match(name) for name in ("exact", "beginning", "the-end"))
    assert not globs.match("other")


def test_no_pattern_matches_nothing():
    """Nobody is meant by an empty list."""
    assert not Globs([]).match("")


def matches(glob: str, name: str) -> bool:
    """Say slowly and plainly whether a glob matches."""
    reached = {0}
    for sign in glob:
        if sign == "*":
            reached = {end for start in reached for end in range(start, len(name) + 1)}
        else:
            reached = {at + 1 for at in reached if at < len(name) and sign in ("?", name[at])}
    return len(name) in reached


@given(st.text("ab*?.", max_size=8), st.text("ab.", max_size=8))
def test_it_agrees_with_the_definition(glob, name):
    """Whatever short cuts the compiled form takes."""
    assert Globs([glob]).match(name) == matches(glob, name)


def test_a_row_of_stars_does_not_hang():
    """A name that nearly matches is refused in linear time, not in that of the stars' number."""
    assert not Globs(["*a" * 60 + "b"]).match("a" * 128)


def test_what_no_name_holds_is_no_glob():
    """A pattern that can match nothing is an error of whoever wrote it."""
    assert AGENT_GLOB.fullmatch("team:a_b.c/*?@x|y+z=-1")
    assert not any(AGENT_GLOB.fullmatch(glob) for glob in ("", "a b", "[ab]", "\u00e4", "a" * 129))
