"""The request head, strictly: bytes in, a head out, or a refusal. Nothing is mended.

RFC 9112 and RFC 9110, less everything that two readers may read differently: no folded
lines, no bare CR or LF, no field twice that must stand once, never two framings.
"""

from __future__ import annotations

import re

from msgspec import Struct

from caracal_core.domain import Headers
from caracal_core.edge.limits import Limits
from caracal_core.edge.target import split_target
from caracal_core.errors import BadRequest, UpgradeRefused

_TEXT = bytes([0x09, *range(0x20, 0x7F), *range(0x80, 0x100)])
"""HTAB, SP, VCHAR and obs-text: all that may stand in a line."""

_STRAY = re.compile(rb"[^\t\r\n -~\x80-\xff]|\r(?!\n|\Z)|(?<!\r)\n")
_REQUEST_LINE = re.compile(r"([A-Z][A-Z0-9-]{0,31}) ([!-~]++) HTTP/1\.([01])")
_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,256}")
_LENGTH = re.compile(r"[0-9]{1,18}")
_HOST = re.compile(r"(?:[A-Za-z0-9._~\-]{1,255}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?")

_ONCE = frozenset(
    {
        "authorization",
        "content-length",
        "content-type",
        "expect",
        "host",
        "idempotency-key",
        "transfer-encoding",
        "upgrade",
        "x-api-key",
        "x-caracal-estimated-cost",
        "x-caracal-nonce",
        "x-caracal-timestamp",
    }
)
"""Fields that decide something: a second one of them would be somebody else's decision."""

_SHADOWED = ("connection", "forwarded", "x-caracal-", "x-forwarded-")
"""Names, or beginnings of names, that nothing may be taken for."""

_NAMES: dict[str, str] = {}
"""Names as clients write them, checked once, and in lower case."""

_NAMES_MOST = 1024


class HeadTooLarge(BadRequest):
    """The head is longer, or has more fields, than allowed (431, RFC 6585)."""

    status, detail = 431, "The request head is too large."


class ExpectationFailed(BadRequest):
    """The client expects what is not offered (417, RFC 9110 section 10.1.1)."""

    status, detail = 417, "Only 100-continue can be expected here."


class Head(Struct, frozen=True):
    """A request head that can be read in one way only.

    Attributes:
        method: the method.
        path: the path byte for byte.
        query: the query byte for byte, empty where there is none.
        headers: the fields, names in lower case.
        length: the body's length; 0 where there is none, None where it is chunked.
        keep_alive: whether the client can send another request after this one.
        expects_continue: whether the client waits for ``100 Continue``.
        old: whether it is HTTP/1.0, which knows no chunks.
    """

    method: str
    path: str
    query: str
    headers: Headers
    length: int | None
    keep_alive: bool
    expects_continue: bool
    old: bool


def find_stray(head: bytearray, start: int, end: int) -> None:
    """Look for an octet that no head may have, while the rest of it is still to come.

    Raises:
        BadRequest: there is one between ``start`` and ``end``.
    """
    if _STRAY.search(head, start, end):
        raise BadRequest("The request head has a control character or a bare line break.")


def parse_head(raw: bytes, limits: Limits) -> Head:
    """Read the head that stands before the first empty line, which is not part of ``raw``.

    Raises:
        BadRequest: it breaks a rule; nothing after it may be read.
        UpgradeRefused: it asks for another protocol.
    """
    lines = raw.decode("latin-1").split("\r\n")
    if raw.translate(None, _TEXT) != b"\r\n" * (len(lines) - 1):
        raise BadRequest("The request head has a control character or a bare line break.")
    if len(lines) - 1 > limits.header_count:
        raise HeadTooLarge("The request head has too many fields.")
    method, path, query, old = _request_line(lines[0])
    fields, by_name = _fields(lines)
    _check_host(by_name.get("host"), old)
    if "upgrade" in by_name:
        raise UpgradeRefused
    length = _framing(by_name, old)
    return Head(
        method=method,
        path=path,
        query=query,
        headers=Headers(fields),
        length=length,
        keep_alive=not old and _stays(by_name.get("connection")),
        expects_continue=_expects_continue(by_name.get("expect")) and not old and length != 0,
        old=old,
    )


def _request_line(line: str) -> tuple[str, str, str, bool]:
    """Return method, path, query, and whether it is HTTP/1.0."""
    match = _REQUEST_LINE.fullmatch(line)
    if match is None:
        raise BadRequest("The request line is malformed, or not HTTP/1.1 or HTTP/1.0.")
    method, target, minor = match.groups()
    if method in ("CONNECT", "TRACE"):
        raise BadRequest(f"{method} is not spoken here.")
    path, query = split_target(target)
    return method, path, query, minor == "0"


def _fields(lines: list[str]) -> tuple[list[tuple[str, str]], dict[str, str]]:
    """Return the fields as they came, and the same by name."""
    fields: list[tuple[str, str]] = []
    for line in lines[1:]:
        raw, colon, value = line.partition(":")
        if not colon:
            raise BadRequest("A header field has no colon.")
        fields.append((_NAMES.get(raw) or _learn(raw), value.strip(" \t")))
    by_name = dict(fields)
    if len(by_name) != len(fields):
        _check_repeated(fields)
        if "connection" in by_name:
            options = (value for name, value in fields if name == "connection")
            by_name["connection"] = ",".join(options)
    return fields, by_name


def _check_repeated(fields: list[tuple[str, str]]) -> None:
    """Refuse a field that stands twice and must not."""
    seen: set[str] = set()
    for name, _ in fields:
        if name in seen and name in _ONCE:
            raise BadRequest(f"The header field {name} stands more than once.")
        seen.add(name)


def _learn(raw: str) -> str:
    """Return a field's name in lower case, and remember it."""
    if not _TOKEN.fullmatch(raw):
        raise BadRequest("A header field's name is malformed.")
    name = raw.lower()
    if "_" in name:
        dashed = name.replace("_", "-")
        if dashed in _ONCE or dashed.startswith(_SHADOWED):
            raise BadRequest(f"The header field {name} could be taken for {dashed}.")
    if len(_NAMES) >= _NAMES_MOST:
        _NAMES.clear()
    _NAMES[raw] = name
    return name


def _check_host(host: str | None, old: bool) -> None:
    if host is None:
        if not old:
            raise BadRequest("The header field host is missing.")
    elif not _HOST.fullmatch(host):
        raise BadRequest("The header field host is malformed.")


def _framing(by_name: dict[str, str], old: bool) -> int | None:
    """Return the body's length, None for a chunked one (RFC 9112 section 6).

    The coding must read exactly ``chunked``: the RFC would allow other cases, but nobody
    sends them who does not want to be read in two ways.
    """
    coding, length = by_name.get("transfer-encoding"), by_name.get("content-length")
    if coding is not None:
        if old or length is not None:
            raise BadRequest("Transfer-Encoding stands with Content-Length or in HTTP/1.0.")
        if coding != "chunked":
            raise BadRequest("The transfer coding is not exactly chunked.")
        return None
    if length is None:
        return 0
    if not _LENGTH.fullmatch(length):
        raise BadRequest("Content-Length is not a plain decimal number.")
    return int(length)


def _stays(connection: str | None) -> bool:
    """Say whether the Connection field leaves the connection open."""
    if connection is None or connection == "keep-alive":
        return True
    return "close" not in (option.strip(" \t").lower() for option in connection.split(","))


def _expects_continue(expect: str | None) -> bool:
    if expect is None:
        return False
    if expect.lower() != "100-continue":
        raise ExpectationFailed
    return True
