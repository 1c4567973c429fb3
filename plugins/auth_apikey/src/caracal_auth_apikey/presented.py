"""Where a client shows its key: ``X-API-Key`` or ``Authorization``, never the query."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import unquote_plus

from caracal_auth_apikey.key_text import PREFIX
from caracal_core.domain import Headers
from caracal_core.errors import BadRequest, Unauthenticated

HEADERS = frozenset({"x-api-key", "authorization"})
"""The header fields in which a key is looked for."""

_SCHEME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]*", re.ASCII)
"""Names of schemes are tokens (RFC 9110 section 5.6.2), in whatever case."""
_KEYLIKE = re.compile(rf"{PREFIX}[a-z2-7]{{16}}_[a-z2-7]", re.ASCII | re.IGNORECASE)
"""A key, or what is left of one."""


def presented(headers: Headers) -> str | None:
    """Return the credential that is this mode's to judge, or None where there is none.

    ``X-API-Key`` and the scheme ``ApiKey`` are ours whatever they hold; a bearer token is where
    it begins like a key, and somebody else's where it does not.

    Raises:
        BadRequest: there is more than one.
        Unauthenticated: a key stands in ``Authorization`` and not after a scheme and one space.
    """
    if "x-api-key" not in headers and "authorization" not in headers:
        return None
    shown = [*headers.all("x-api-key"), *_authorizations(headers)]
    if len(shown) > 1:
        raise BadRequest("Two credentials were sent; send one.")
    if not shown:
        return None
    if shown[0] is None:
        raise Unauthenticated("no key stands after the scheme and one space")
    return shown[0]


def check_query(query: str) -> None:
    """Refuse a key in the query, where logs and histories would keep it.

    Raises:
        BadRequest: there is one, whole or in part, whatever the parameter's name.
    """
    if query and _KEYLIKE.search(unquote_plus(query, errors="replace")):
        raise BadRequest("An API key was sent in the query; send it in X-API-Key, and replace it.")


def _authorizations(headers: Headers) -> Iterator[str | None]:
    """Yield what stands in each field that is ours; None where its form is not right."""
    for field in headers.all("authorization"):
        scheme = _SCHEME.match(field)
        name = scheme[0].lower() if scheme else ""
        rest = field[len(name) :]
        if _begins_like_a_key(name):
            yield None
        elif name == "apikey" or (name == "bearer" and _begins_like_a_key(rest)):
            yield rest[1:] if rest[:1] == " " else None


def _begins_like_a_key(text: str) -> bool:
    return text.lstrip(" \t")[: len(PREFIX)].lower() == PREFIX
