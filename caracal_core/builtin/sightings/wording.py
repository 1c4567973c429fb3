"""Kinds of credentials in words for people."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from types import MappingProxyType

from caracal_core.domain.credential_kinds import (
    AUTHORIZATION_APIKEY,
    AUTHORIZATION_BASIC,
    AUTHORIZATION_OTHER,
    BEARER_JWS,
    BEARER_OTHER,
    CERTIFICATE,
    X_API_KEY,
    header_of,
)

_WORDS: Mapping[str, str] = MappingProxyType(
    {
        CERTIFICATE: "a certificate",
        BEARER_JWS: "a signed bearer token",
        BEARER_OTHER: "a bearer credential that is no signed token",
        X_API_KEY: "X-API-Key",
        AUTHORIZATION_APIKEY: "Authorization: ApiKey",
        AUTHORIZATION_BASIC: "Authorization: Basic",
        AUTHORIZATION_OTHER: "another Authorization",
    }
)


def kinds_in_words(kinds: Collection[str]) -> str:
    """Return kinds as people call them, one after the other; empty where there are none."""
    return listed([_WORDS.get(kind) or f"the header {header_of(kind)}" for kind in sorted(kinds)])


def listed(words: Sequence[str]) -> str:
    """Return words as in a sentence: ``a, b and c``."""
    if len(words) < 2:  # noqa: PLR2004 - one word needs no link
        return "".join(words)
    return f"{', '.join(words[:-1])} and {words[-1]}"
