"""The request target: one spelling for every path, or none.

Policies, routes and upstreams must read the same path, so a path that others might read as
another one is refused and never mended (RFC 3986 section 6.2.2 lists the ways to mend it).
"""

from __future__ import annotations

import re
from urllib.parse import unquote_to_bytes

from caracal_core.errors import BadRequest

_PATH = r"[A-Za-z0-9\-._~!$&'()*+,;=:@%]"
_QUERY = r"[A-Za-z0-9\-._~!$&'()*+,;=:@%/?\[\]{}|\\^`]"
_NO_DOTS = r"(?!\.\.?(?:[/;?]|\Z))"
"""Neither ``.`` nor ``..``, nor either of them with a parameter, which servers strip."""

_TARGET = re.compile(rf"((?:/{_NO_DOTS}{_PATH}++)*+/?)(?:\?({_QUERY}*+))?")
_ESCAPE = re.compile(r"%([0-9A-Fa-f]{2})?")
_UNRESERVED = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_CONTROLS = frozenset(range(0x20)) | {0x7F}


def split_target(target: str) -> tuple[str, str]:
    """Return path and query of a target in origin-form (RFC 9112 section 3.2.1).

    The query's characters are those of RFC 3986 and the few that browsers leave as they are.
    Absolute-form is refused too, since nobody uses a gateway as his forward proxy.

    Raises:
        BadRequest: it is in another form, or its path could be read in two ways.
    """
    match = _TARGET.fullmatch(target)
    if match is None or not match[1]:
        raise BadRequest(_fault(target))
    if "%" in target:
        _check_escapes(match[1], match[2] or "")
    return match[1], match[2] or ""


def _check_escapes(path: str, query: str) -> None:
    """Refuse percent-escapes that are none, or that need not or must not be there."""
    if any(escape[1] is None for escape in _ESCAPE.finditer(query)):
        raise BadRequest("The query has a malformed percent-escape.")
    for escape in _ESCAPE.finditer(path):
        if escape[1] is None:
            raise BadRequest("The path has a malformed percent-escape.")
        octet = int(escape[1], 16)
        if octet in _UNRESERVED:
            raise BadRequest("The path encodes a character that needs no encoding.")
        if octet in b"/\\" or octet in _CONTROLS:
            raise BadRequest("The path encodes a slash, a backslash or a control character.")
    try:
        unquote_to_bytes(path).decode("utf-8")
    except UnicodeDecodeError as error:
        raise BadRequest("The path's percent-escapes are not UTF-8.") from error


def _fault(target: str) -> str:
    """Say what is wrong with a target."""
    if "#" in target:
        return "The target has a fragment."
    if not target.startswith("/"):
        return "The target is not in origin-form: it must begin with a slash."
    path = target.partition("?")[0]
    if "//" in path:
        return "The path has an empty segment."
    if re.search(r"/\.\.?(?:[/;]|\Z)", path):
        return "The path has a dot segment."
    return "The target has a character that must be percent-encoded."
