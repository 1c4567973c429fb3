"""The end of an object or a list is found at its last bracket, however it comes in pieces."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caracal_core.builtin.meters import nesting
from caracal_core.builtin.meters.nesting import Nesting

TEXTS = st.text(st.sampled_from('a"\\{}[] \n')) | st.text()
VALUES = st.recursive(
    st.none() | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=5,
)


def fed(pieces):
    each = Nesting()
    for piece in pieces:
        each.feed(piece)
    return each.has_ended


@given(
    value=st.lists(VALUES, max_size=3) | st.dictionaries(TEXTS, VALUES, max_size=3),
    size=st.integers(1, 9),
    indent=st.none() | st.just(1),
    plain=st.booleans(),
)
def test_it_ends_with_its_last_bracket_and_not_before(value, size, indent, plain):
    text = json.dumps(value, indent=indent, ensure_ascii=plain).encode("utf-8", "surrogatepass")
    pieces = [text[at : at + size] for at in range(0, len(text), size)]
    ended = []
    each = Nesting()
    for piece in pieces:
        each.feed(piece)
        ended.append(each.has_ended)
    assert ended == [False] * (len(pieces) - 1) + [True]
    assert fed([*pieces, b" \r\n", b"\t"])
    assert not fed([*pieces, b" x"])
    assert not fed([*pieces, b"x", b"{}"])
    assert not fed([text + b"\\"])


@pytest.mark.parametrize("text", [b"", b" ", b"12", b'"{}"', b"{", b"[[]", b'{"a}'])
def test_what_is_no_whole_object_or_list_has_no_end(text):
    assert not fed([text])


def test_each_byte_is_looked_at_once(monkeypatch):
    """A list of many rows, each in a piece of its own, took time by the square of their number."""
    looked_at = []

    class Counting:
        def finditer(self, data):
            looked_at.append(len(data))
            return re.finditer(rb"""\\.|["{}\[\]]""", data)

    monkeypatch.setattr(nesting, "_TOKEN", Counting())
    pieces = [b"[{}", *[b',{"a": 1}'] * 1000, b"]"]
    assert fed(pieces)
    assert sum(looked_at) == sum(map(len, pieces))
