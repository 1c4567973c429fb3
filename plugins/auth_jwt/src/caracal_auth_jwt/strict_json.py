"""JSON that can be read in one way only (RFC 8259, RFC 7493)."""

from __future__ import annotations

import json
from typing import Any

import msgspec

_BRACKETS_MAX = 512
"""No text nests deeper than it has opening brackets; well below the interpreter's own limit."""


class _Name:
    """A member's name that equals no other, so that a dict keeps both of two twins."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text


def _name(_: type, text: str) -> _Name:
    return _Name(text)


_decoder = msgspec.json.Decoder(dict[_Name, Any], dec_hook=_name)


def members(data: bytes) -> dict[str, Any]:
    """Return the members of one JSON object.

    Raises:
        ValueError: it is no JSON object, a name stands in it twice, a number is not finite,
            the text is no UTF-8, or it is nested too deeply.
    """
    if data.count(b"{") + data.count(b"[") > _BRACKETS_MAX:
        raise ValueError("nested too deeply")
    try:
        named = _decoder.decode(data)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    except msgspec.MsgspecError as error:  # no ValueError before msgspec 0.22
        raise ValueError(str(error)) from None
    found = {name.text: value for name, value in named.items()}
    if len(found) != len(named):
        raise ValueError("a name stands twice")
    if data.count(b"{") > 1:  # there may be objects in it
        _check_inner(data)
    return found


def _check_inner(data: bytes) -> None:
    """Refuse a text in which some inner object names a member twice.

    msgspec has read the same text before, so that what the standard library lets pass, such as
    NaN, cannot be in it.
    """
    try:
        json.loads(data.decode(), object_pairs_hook=_distinct)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _distinct(pairs: list[tuple[str, Any]]) -> None:
    """Refuse an object in which a name stands twice; the object itself is not needed."""
    if len({name for name, _ in pairs}) != len(pairs):
        raise ValueError("a name stands twice")
