"""An event stream (``text/event-stream`` of WHATWG HTML), read event by event while it passes by.

The bytes pass unchanged, but for events that the reader wants to be kept from the client. Whether
an event is one shows at its end, so that one that may be waits for its end, and no other does. What
still waits when the stream ends is an event without its end, which by the standard is none.
"""

from __future__ import annotations

import re
from collections.abc import Callable

LONGEST = 2**18
"""Bytes of an event that are kept to be read; a longer one passes unread."""

# A carriage return at the end of what is here may be half of a line's end.
_LINE = re.compile(rb"([^\r\n]*+)(?:\r\n|\n|\r(?=[^\n]))")
_BOM = b"\xef\xbb\xbf"
_UNREAD = b"too long to be kept"
_FIELDS = (b"data", b"event", b"id", b"retry")


class EventStream:
    """Cuts a stream into events, wherever its bytes were cut before.

    Args:
        read: told the data of each event; returns whether the client gets the event.
        may_keep: whether there are events that the client does not get. Their data begins with a
            brace.
    """

    __slots__ = (
        "_data",
        "_given",
        "_has_begun",
        "_has_fields",
        "_held",
        "_may_keep",
        "_read",
        "_rest",
        "_size",
        "_waits",
    )

    def __init__(self, read: Callable[[bytes], bool], *, may_keep: bool) -> None:
        self._read = read
        self._may_keep = may_keep
        self._has_begun = False
        self._rest = b""
        self._given: list[bytes] = []
        self._held: list[bytes] = []
        self._begin_event()

    def feed(self, data: bytes) -> bytes:
        """Take the next bytes; return what the client gets now."""
        text, passed, start = self._rest + data, len(self._rest), 0
        while line := _LINE.match(text, start):
            start = line.end()
            self._pass_on(text[passed:start])
            passed = start
            self._end_line(line[1])
        self._rest = text[start:]
        self._pass_on(text[passed:])
        self._look_at_rest()
        given = b"".join(self._given) if self._may_keep else data
        self._given.clear()
        return given

    def _begin_event(self) -> None:
        self._data: list[bytes] | None = []
        self._size = 0
        self._has_fields = False
        self._waits = self._may_keep

    def _pass_on(self, raw: bytes) -> None:
        (self._held if self._waits else self._given).append(raw)

    def _release(self) -> None:
        """Let what waits go on to the client."""
        self._given += self._held
        self._held.clear()

    def _need_not_wait(self) -> None:
        """Let this event pass."""
        self._release()
        self._waits = False

    def _end_line(self, line: bytes) -> None:
        if not self._has_begun:
            self._has_begun = True
            line = line.removeprefix(_BOM)
        if not line:
            self._end_event()
        elif not line.startswith(b":"):
            self._has_fields = True
            self._take_field(line)
        elif not self._has_fields:  # a comment is nobody's: it need not wait for an event
            self._release()

    def _take_field(self, line: bytes) -> None:
        self._size += len(line)
        if self._size > LONGEST:
            self._pass_unread()
        field, _, value = line.partition(b":")
        if field == b"data" and self._data is not None:
            self._data.append(value.removeprefix(b" "))
        if field not in _FIELDS or (self._data and not _may_be_kept(self._data[0])):
            self._need_not_wait()

    def _end_event(self) -> None:
        gets = self._read(b"\n".join(self._data)) if self._data else True
        if gets:
            self._release()
        self._held.clear()
        self._begin_event()

    def _pass_unread(self) -> None:
        self._data = None
        self._need_not_wait()

    def _look_at_rest(self) -> None:
        """See whether the line that has begun tells already that nobody has to wait."""
        line = self._rest.removesuffix(b"\r")
        if len(line) > LONGEST:
            self._pass_unread()
            self._rest = _UNREAD + self._rest[len(line) :]
        elif self._waits and self._is_another(line):
            self._need_not_wait()

    def _is_another(self, line: bytes) -> bool:
        """Whether the line that has begun is of no event that may be kept."""
        field, colon, value = line.partition(b":")
        if not colon:
            return not any(each.startswith(field) for each in _FIELDS)
        if field == b"data":
            return not self._data and not _may_be_kept(value)
        return bool(field) and field not in _FIELDS


def _may_be_kept(data: bytes) -> bool:
    return data.lstrip()[:1] in {b"", b"{"}
