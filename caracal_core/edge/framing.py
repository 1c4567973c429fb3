"""The chunked transfer coding, strictly (RFC 9112 section 7.1): bytes in, data out, no I/O."""

from __future__ import annotations

import re

from caracal_core.errors import BadRequest

_TOKEN = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]++"
_QUOTED = rb'"(?:[\t !#-\[\]-~\x80-\xff]|\\[\t -~\x80-\xff])*+"'
_SIZE_LINE = re.compile(
    rb"([0-9A-Fa-f]{1,16})((?:;" + _TOKEN + rb"(?:=(?:" + _TOKEN + rb"|" + _QUOTED + rb"))?)*+)"
)

SIZE_LINE_BYTES = 1024
"""The longest size line with its extension."""

EXTENSION_BYTES = 16_384
"""How much extension one body may have in all; it is read and thrown away."""


class Chunks:
    """Decodes one chunked body.

    Only ASCII hexadecimal sizes, only CRLF, extensions well-formed and few, no trailers: a
    trailer is a header field that came after the checks.

    Attributes:
        ended: whether the last chunk and the empty line after it were seen.
    """

    __slots__ = ("_after_data", "_after_last", "_extension", "_left", "ended")

    def __init__(self) -> None:
        self.ended = False
        self._left = 0
        self._after_data = self._after_last = False
        self._extension = 0

    def take(self, buffer: bytearray) -> bytes:
        """Take what can be decoded off the front of ``buffer``.

        Returns:
            The data, empty where the rest of the framing is still to come.

        Raises:
            BadRequest: the framing is broken; nothing after it may be read.
        """
        parts: list[bytes] = []
        while not self.ended and buffer:
            if self._left:
                data = take(buffer, self._left)
                self._left -= len(data)
                self._after_data = not self._left
                parts.append(data)
            elif not self._read_framing(buffer):
                break
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def _read_framing(self, buffer: bytearray) -> bool:
        """Read one line of framing; return False where it is not complete."""
        if not (self._after_data or self._after_last):
            return self._read_size(buffer)
        if buffer[:2] != b"\r\n"[: len(buffer)]:
            raise BadRequest(
                "A chunk's data is longer than its size."
                if self._after_data
                else "Trailers are not accepted."
            )
        if len(buffer) == 1:
            return False
        del buffer[:2]
        self.ended = self._after_last
        self._after_data = False
        return True

    def _read_size(self, buffer: bytearray) -> bool:
        """Read a size line; return False where it is not complete."""
        end = buffer.find(b"\r\n", 0, SIZE_LINE_BYTES + 2)
        if end < 0:
            if len(buffer) > SIZE_LINE_BYTES + 1:
                raise BadRequest("A chunk's size line is too long.")
            return False
        line = _SIZE_LINE.fullmatch(bytes(buffer[:end]))
        if line is None:
            raise BadRequest("A chunk's size line is malformed.")
        self._left = int(line[1], 16)
        self._extension += len(line[2])
        if self._extension > EXTENSION_BYTES:
            raise BadRequest("The chunk extensions are too long.")
        self._after_last = not self._left
        del buffer[: end + 2]
        return True


def take(buffer: bytearray, most: int) -> bytes:
    """Take at most ``most`` bytes off the front of ``buffer``."""
    if len(buffer) <= most:
        data = bytes(buffer)
        buffer.clear()
        return data
    with memoryview(buffer) as view:
        data = bytes(view[:most])
    del buffer[:most]
    return data
