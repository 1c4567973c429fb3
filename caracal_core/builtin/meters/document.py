"""A JSON reply, kept whole while it streams by: its usage may stand anywhere in it."""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec
from msgspec import Raw, Struct

from caracal_core.builtin.meters.nesting import Nesting
from caracal_core.builtin.meters.usage import Count, Usage
from caracal_core.builtin.tariffs.price import Tokens

_INDEX = re.compile(r"0|[1-9][0-9]{0,8}", re.ASCII)

LONGEST = 4 * 2**20
"""Bytes of a reply that are kept; a longer one is not metered."""


class _Metered(Struct, frozen=True):
    """A reply that says its usage."""

    usage: Usage


class Document:
    """What came of a reply so far.

    It is read once its end is here: where all of a declared length is, or what is here is one JSON
    object or list, to which nothing but white space can be added.

    Args:
        length: the reply's declared length, or None.
    """

    __slots__ = ("_is_json", "_kept", "_length", "_looked_at", "_nesting")

    def __init__(self, length: int | None) -> None:
        self._length = length
        self._kept: bytearray | None = bytearray()
        self._nesting = Nesting()
        self._looked_at = 0
        self._is_json: bool | None = None

    @property
    def complete(self) -> bool:
        """Whether nothing that is still to come changes what it says."""
        kept = self._kept
        if kept is None or self._length is not None:
            return kept is not None and len(kept) == self._length
        self._nesting.feed(bytes(kept[self._looked_at :]))
        self._looked_at = len(kept)
        if self._nesting.has_ended and self._is_json is None:
            self._is_json = _is_json(kept)
        return self._nesting.has_ended and self._is_json is True

    def feed(self, data: bytes) -> None:
        """Keep the next bytes, unless it becomes too long."""
        if self._kept is None:
            return
        if len(self._kept) + len(data) > LONGEST:
            self._kept = None
        else:
            self._kept += data

    def tokens(self) -> Tokens | None:
        """Return the tokens of its usage, or None where it says none."""
        if self._kept is None:
            return None
        try:
            return msgspec.json.decode(self._kept, type=_Metered).usage.tokens()
        except (msgspec.MsgspecError, RecursionError):
            return None

    def said(self) -> Tokens | None:
        """Return the same once nothing can change it; until then it is not read in vain."""
        return self.tokens() if self.complete else None

    def number(self, pointer: Sequence[str]) -> int | None:
        """Return the whole number that a JSON pointer (RFC 6901) leads to, or None."""
        if self._kept is None:
            return None
        try:
            raw = msgspec.json.decode(self._kept, type=Raw)
            for token in pointer:
                raw = _step(raw, token)
            return msgspec.json.decode(raw, type=Count)
        except (msgspec.MsgspecError, RecursionError, LookupError):
            return None


def _is_json(data: bytearray) -> bool:
    try:
        msgspec.json.decode(data, type=Raw)
    except (msgspec.MsgspecError, RecursionError):
        return False
    return True


def _step(raw: Raw, key: str) -> Raw:
    """Return what a reference token leads to.

    Raises:
        LookupError: it leads nowhere.
    """
    value: dict[str, Raw] | list[Raw] = msgspec.json.decode(raw, type=dict[str, Raw] | list[Raw])
    if isinstance(value, dict):
        return value[key]
    if not _INDEX.fullmatch(key):
        raise LookupError(key)
    return value[int(key)]
