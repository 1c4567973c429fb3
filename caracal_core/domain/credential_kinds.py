"""Kinds of credentials, told from a request alone: what was shown, never what it says.

The vocabulary is fixed, so that a kind can be recorded whichever schemes are enabled. A header of a
scheme's own is a kind by its name, ``header:x-their-token``, where that scheme is enabled or on
trial.
"""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from types import MappingProxyType

from caracal_core.domain.request import Request

CERTIFICATE = "certificate"
"""A client certificate of the connection."""
BEARER_JWS = "bearer_jws"
"""``Authorization: Bearer`` with what `is_compact_jws`."""
BEARER_OTHER = "bearer_other"
X_API_KEY = "x_api_key"
AUTHORIZATION_APIKEY = "authorization_apikey"
AUTHORIZATION_BASIC = "authorization_basic"
AUTHORIZATION_OTHER = "authorization_other"
OWN = "header:"

_HEADERS: Mapping[str, str] = MappingProxyType(
    {
        BEARER_JWS: "authorization",
        BEARER_OTHER: "authorization",
        AUTHORIZATION_APIKEY: "authorization",
        AUTHORIZATION_BASIC: "authorization",
        AUTHORIZATION_OTHER: "authorization",
        X_API_KEY: "x-api-key",
    }
)
_KINDS = frozenset({CERTIFICATE, *_HEADERS})
_NAMES = frozenset(_HEADERS.values())
_SCHEMES = {"apikey": AUTHORIZATION_APIKEY, "basic": AUTHORIZATION_BASIC}
_JWS_DOTS = 2


def shown(request: Request, own: AbstractSet[str] = frozenset()) -> tuple[str, ...]:
    """Return the kinds of the credentials that a request shows, sorted, each once.

    Args:
        request: looked at, never kept.
        own: names of the header fields of the schemes' own, outside of the fixed vocabulary.
    """
    kinds = [CERTIFICATE] if request.connection.certificate is not None else []
    for name, value in request.headers:
        if name == "authorization":
            kinds.append(_of_authorization(value))
        elif name == "x-api-key":
            kinds.append(X_API_KEY)
        elif name in own:
            kinds.append(OWN + name)
    return tuple(kinds) if len(kinds) < 2 else tuple(sorted(set(kinds)))  # noqa: PLR2004 - quick


def is_compact_jws(token: str) -> bool:
    """Return whether a token has the form of a signed one: three parts (RFC 7515 section 7.1).

    A part may be empty, as in a token without a signature (RFC 7519 section 6.1): whoever takes
    signed ones refuses it, and does not leave it to others.
    """
    return token.count(".") == _JWS_DOTS


def taken_by(headers: AbstractSet[str]) -> frozenset[str]:
    """Return the kinds that an authenticator takes which declares these header fields.

    One without any proves by the connection's certificate.
    """
    if not headers:
        return frozenset({CERTIFICATE})
    return frozenset(kind for name in headers for kind in _in_field(name))


def header_of(kind: str) -> str | None:
    """Return the name of the header field that a kind stands in; None is the connection."""
    return kind.removeprefix(OWN) if kind.startswith(OWN) else _HEADERS.get(kind)


def own_of(headers: AbstractSet[str]) -> frozenset[str]:
    """Return those of the header fields that are outside of the fixed vocabulary."""
    return frozenset(headers) - _NAMES


def is_kind(word: str) -> bool:
    """Return whether a word is of the vocabulary, or the kind of a header field."""
    return word in _KINDS or (word.startswith(OWN) and len(word) > len(OWN))


def _in_field(name: str) -> frozenset[str]:
    known = frozenset(kind for kind, header in _HEADERS.items() if header == name)
    return known or frozenset({OWN + name})


def _of_authorization(value: str) -> str:
    scheme = value[: value.find(" ")] if " " in value else value
    scheme = scheme.lower()
    if scheme != "bearer":
        return _SCHEMES.get(scheme, AUTHORIZATION_OTHER)
    return BEARER_JWS if is_compact_jws(value[len(scheme) + 1 :]) else BEARER_OTHER
