"""A JSON reply, kept whole while it streams by: its usage may stand anywhere in it."""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec
from msgspec import Raw, Struct

from caracal_core.builtin.meters.usage import Count, Usage
from caracal_core.builtin.tariffs.price import Tokens

_INDEX = re.compile(r"0|[1-9][0-9]{0,8}", re.ASCII)

LONGEST = 4 * 2**20
"""Bytes of a reply that are kept; a longer one is not metered."""

_WHITE = b" \t\r\n"
_TAIL = 64


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

    __slots__ = ("_is_whole", "_kept", "_length")

    def __init__(self, length: int | None) -> None:
        self._length = length
        self._kept: bytearray | None = bytearray()
        self._is_whole: bool | None = False

    @property
    def complete(self) -> bool:
        """Whether nothing that is still to come changes what it says."""
        if self._is_whole is None:
            self._is_whole = self._kept is not None and self._ends(self._kept)
        return self._is_whole

    def feed(self, data: bytes) -> None:
        """Keep the next bytes, unless it becomes too long."""
        self._is_whole = None
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

    def _ends(self, kept: bytearray) -> bool:
        if self._length is not None:
            return len(kept) == self._length
        if not kept[-_TAIL:].rstrip(_WHITE).endswith((b"}", b"]")):
            return False
        try:
            msgspec.json.decode(kept, type=Raw)
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
