"""Which of the client's header fields an upstream gets, and the bytes of the head it gets."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from caracal_core.domain import Headers
from caracal_core.domain.field_names import FRAMING, TOKEN, canonical
from caracal_core.errors import BadRequest

_CREDENTIALS = {"authorization", "cookie", "cookie2", "x-api-key"}
_CLAIMED_ORIGIN = {"forwarded", "true-client-ip", "via", "x-client-ip", "x-real-ip"}
_OTHER_TARGET = {
    "x-http-method",
    "x-http-method-override",
    "x-method-override",
    "x-original-uri",
    "x-original-url",
    "x-rewrite-url",
}
"""They would have the upstream do another thing than the one that was judged."""

_HELD_BACK = FRAMING | _CREDENTIALS | _CLAIMED_ORIGIN | _OTHER_TARGET
_HELD_BACK_PREFIXES = ("proxy-", "x-caracal-", "x-forwarded-")
_EXPECT_CONTENT = frozenset({"POST", "PUT", "PATCH"})
_SHORT = 64


def _judged(name: str) -> str:
    """Return the canonical name of a field that may be forwarded, or nothing for another."""
    if not TOKEN.fullmatch(name):
        return ""
    plain = canonical(name)
    if plain in _HELD_BACK or plain.startswith(_HELD_BACK_PREFIXES):
        return ""
    return plain


_remembered = lru_cache(maxsize=2048)(_judged)


class RequestHead:
    """Writes the heads of the requests to one upstream (RFC 9112 sections 2 and 3).

    Args:
        authority: the ``Host`` that the upstream knows itself by.
        base: the path that stands before every target, without a slash at its end.
        own: the upstream's own fields, its credential among them; they replace the client's.
    """

    def __init__(self, authority: str, base: str, own: Iterable[tuple[str, str]]) -> None:
        self._authority = authority
        self._base = base
        self.renew(own)

    def renew(self, own: Iterable[tuple[str, str]]) -> None:
        """Write these own fields from now on, such as a rotated credential."""
        own = [("host", self._authority), *own]
        self._own = "".join(f"{name}: {value}\r\n" for name, value in own)
        self._own_names = frozenset(canonical(name) for name, _ in own)

    def write(self, method: str, target: str, headers: Headers, length: int | None) -> bytes:
        """Return the head.

        Args:
            method: as the client sent it.
            target: path and query, sent byte for byte.
            headers: the client's; what the allow rule leaves of them is sent, values unchanged.
            length: the body's length; None is sent in chunks.

        Raises:
            BadRequest: a part of it would end its line early.
        """
        line = f"{method} {self._base}{target} HTTP/1.1\r\n"
        if line.count(" ") != 2 or not target.startswith("/"):  # noqa: PLR2004 - RFC 9112 3
            raise BadRequest
        lines = [line, *self._forwarded(headers)]
        text = "".join(lines)
        if not text.count("\r") == text.count("\n") == len(lines) or "\0" in text:
            raise BadRequest
        try:
            return f"{text}{self._own}{_framing(method, length)}\r\n".encode("latin-1")
        except UnicodeEncodeError as error:
            raise BadRequest from error

    def _forwarded(self, headers: Headers) -> list[str]:
        """Return the lines of the client's fields that may go on."""
        named = _named_by_connection(headers)
        lines = []
        for name, value in headers:
            plain = _remembered(name) if len(name) <= _SHORT else _judged(name)
            if plain and plain not in self._own_names and plain not in named:
                lines.append(f"{name}: {value}\r\n")
        return lines


def _named_by_connection(headers: Headers) -> frozenset[str]:
    """Return the fields that end at this connection because it says so (RFC 9110 7.6.1)."""
    values = headers.all("connection")
    if not values:
        return frozenset()
    return frozenset(
        canonical(token.strip(" \t")) for value in values for token in value.split(",")
    )


def _framing(method: str, length: int | None) -> str:
    """Return the line that says how long the body is (RFC 9110 section 8.6)."""
    if length is None:
        return "transfer-encoding: chunked\r\n"
    if length or method in _EXPECT_CONTENT:
        return f"content-length: {length}\r\n"
    return ""
