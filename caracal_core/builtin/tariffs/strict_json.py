"""The members of a JSON object, each once and where it stands: every parser reads the same.

Parsers differ in which of two equal keys they take, and some take a key in other letters (hazard:
what is priced must be what the upstream parses), so that both are refused.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from types import MappingProxyType

import msgspec

MEMBERS_MAX = 256
BRACKETS_MAX = 40_000
"""How much structure is walked through: it is what costs time, not long strings."""

_STRING = rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"'
_KEY = re.compile(rb"[ \t\r\n,]*+(" + _STRING + rb")[ \t\r\n]*+:[ \t\r\n]*+", re.DOTALL)
_SCALAR = re.compile(_STRING + rb"|[^,}\] \t\r\n]++", re.DOTALL)
_BRACKET = re.compile(
    rb'[^"{}\[\]]*+(?:' + _STRING + rb'[^"{}\[\]]*+)*+([{}\[\]])',
    re.DOTALL,
)
_OPENING = b"{["


class Span(msgspec.Struct, frozen=True):
    """Where a value stands: from ``start`` up to but without ``end``."""

    start: int
    end: int


class _Object(msgspec.Struct):
    """Any JSON object; what stands in it is checked and skipped."""


def members(data: bytes, read: AbstractSet[str]) -> Mapping[str, Span]:
    """Return where the values of a JSON object's members stand.

    Args:
        data: the whole text (RFC 8259), in UTF-8.
        read: the names that are read; none may be spelt in other letters.

    Raises:
        ValueError: it is no such object, a name stands there twice or in other letters, or there
            is too much of it. The message says which, and repeats nothing of the text.
    """
    _check_grammar(data)
    found: dict[str, Span] = {}
    budget = BRACKETS_MAX
    place = data.index(b"{") + 1
    while key := _KEY.match(data, place):
        start = key.end()
        place, budget = _end(data, start, budget)
        name: str = msgspec.json.decode(key[1], type=str)
        if name in found:
            raise ValueError("a member stands in it twice")
        if name not in read and name.casefold() in read:
            raise ValueError(f"{name.casefold()} is not spelt in these letters")
        found[name] = Span(start, place)
        if len(found) > MEMBERS_MAX:
            raise ValueError(f"it has more than {MEMBERS_MAX} members")
    return MappingProxyType(found)


def _check_grammar(data: bytes) -> None:
    try:
        data.decode()
        msgspec.json.decode(data, type=_Object)
    except (UnicodeDecodeError, msgspec.MsgspecError, RecursionError):
        raise ValueError("it is no JSON object") from None


def _end(data: bytes, start: int, budget: int) -> tuple[int, int]:
    """Return where the value that starts here ends, and what is left of the budget."""
    if data[start] not in _OPENING:
        scalar = _SCALAR.match(data, start)
        assert scalar is not None, "the grammar was checked"  # noqa: S101 - by construction
        return scalar.end(), budget
    place, depth = start, 0
    while bracket := _BRACKET.match(data, place):
        place = bracket.end()
        depth += 1 if bracket[1] in b"{[" else -1
        budget -= 1
        if not depth:
            return place, budget
        if not budget:
            raise ValueError(f"it has more than {BRACKETS_MAX} lists and objects")
    raise AssertionError("the grammar was checked")
