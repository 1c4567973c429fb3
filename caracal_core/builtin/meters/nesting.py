"""Where a JSON object or list ends that comes in pieces, each byte looked at once."""

from __future__ import annotations

import re

_TOKEN = re.compile(rb"""\\.|["{}\[\]]""", re.DOTALL)
_WHITE = b" \t\r\n"


class Nesting:
    """Counts brackets outside of texts.

    It tells where JSON would end, not whether it is JSON: that is asked once, at its end.

    Attributes:
        has_ended: whether the first bracket is closed, and nothing but white space came after it.
    """

    __slots__ = ("_begun", "_cut", "_depth", "_in_text", "has_ended")

    def __init__(self) -> None:
        self._depth = 0
        self._begun = self._in_text = False
        self._cut = b""
        self.has_ended = False

    def feed(self, data: bytes) -> None:
        """Take the next bytes."""
        if self._begun and not self._depth:
            self.has_ended &= not data.strip(_WHITE)
            return
        data = self._cut + data
        # A backslash at the end belongs to what comes next.
        whole = len(data) - (len(data) - len(data.rstrip(b"\\"))) % 2
        self._cut = data[whole:]
        for match in _TOKEN.finditer(data[:whole]):
            if self._turns(match[0]):
                self.has_ended = not data[match.end() :].strip(_WHITE)
                return

    def _turns(self, token: bytes) -> bool:
        """Take a token; return whether it closes the first bracket."""
        if token == b'"':
            self._in_text = not self._in_text
        elif not self._in_text and token in b"{[":
            self._depth += 1
            self._begun = True
        elif not self._in_text and token in b"}]":
            self._depth = max(self._depth - 1, 0)
            return not self._depth
        return False
