"""What a verified token may claim, and whom it proves (RFC 7519 section 4)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from msgspec import Struct

from caracal_core.domain import Principal
from caracal_core.errors import Unauthenticated

_AGENT_NAME = re.compile(r"[A-Za-z0-9._:/@|+=-]{1,128}", re.ASCII)
_LATEST = 253_402_300_799  # the last second of the year 9999
_ATTRIBUTE_MAX = 1024


class ClaimRules(Struct, frozen=True):
    """What claims are held against.

    Attributes:
        issuer: what ``iss`` must be; None accepts any.
        audience: what ``aud`` must be or contain; None accepts any.
        agent_claim: the claim that names the agent; None takes ``agent_id``, else ``sub``.
        leeway_seconds: how far two clocks may be apart.
        max_lifetime_seconds: the longest a token may be valid.
    """

    issuer: str | None
    audience: str | None
    agent_claim: str | None
    leeway_seconds: float
    max_lifetime_seconds: float

    def principal(self, claims: Mapping[str, Any], now: float) -> Principal:
        """Return whom the claims prove.

        Args:
            claims: the claims of a token whose signature was verified.
            now: unix seconds.

        Raises:
            Unauthenticated: a rule is broken.
        """
        self._check_times(claims, now)
        self._check_audience(claims)
        attributes = _attributes(claims)
        if self.issuer is not None and attributes.get("iss") != self.issuer:
            raise Unauthenticated("the token is another issuer's")
        return Principal(self._agent(claims), "jwt", attributes)

    def _check_times(self, claims: Mapping[str, Any], now: float) -> None:
        expires, not_before, issued = (_time(claims, name) for name in ("exp", "nbf", "iat"))
        if expires is None:
            raise Unauthenticated("the token has no exp")
        if now >= expires + self.leeway_seconds:
            raise Unauthenticated("the token has expired")
        if not_before is not None and now + self.leeway_seconds < not_before:
            raise Unauthenticated("the token is not valid yet")
        if issued is not None and now + self.leeway_seconds < issued:
            raise Unauthenticated("the token was issued in the future")
        if expires - (now if issued is None else issued) > self.max_lifetime_seconds:
            raise Unauthenticated("the token is valid for longer than max_lifetime_seconds")

    def _check_audience(self, claims: Mapping[str, Any]) -> None:
        audience = claims.get("aud", ())
        audiences = [audience] if isinstance(audience, str) else audience
        if not _is_texts(audiences) or ("aud" in claims and not audiences):
            raise Unauthenticated("the token's aud is neither a text nor a list of texts")
        if self.audience is not None and self.audience not in audiences:
            raise Unauthenticated("the token is for another audience")

    def _agent(self, claims: Mapping[str, Any]) -> str:
        claim = self.agent_claim or ("agent_id" if "agent_id" in claims else "sub")
        name = claims.get(claim)
        if not isinstance(name, str) or not _AGENT_NAME.fullmatch(name):
            raise Unauthenticated("the token does not name an agent by the rule for agents' names")
        return name


def _time(claims: Mapping[str, Any], name: str) -> float | None:
    """Return a NumericDate, or None where the claim is absent."""
    if name not in claims:
        return None
    value = claims[name]
    if type(value) not in (int, float) or not 0 <= value <= _LATEST:
        raise Unauthenticated(f"the token's {name} is not a number of seconds since 1970")
    seconds: float = value
    return seconds


def _attributes(claims: Mapping[str, Any]) -> Mapping[str, str]:
    """Return the claims that policies may ask about; each is one short, printable text."""
    found = {name: claims[name] for name in ("iss", "sub", "jti", "scope") if name in claims}
    if _is_texts(found.get("scope")):
        found["scope"] = " ".join(found["scope"])
    for name, value in found.items():
        if not isinstance(value, str) or len(value) > _ATTRIBUTE_MAX or not value.isprintable():
            raise Unauthenticated(f"the token's {name} is not one short, printable text")
    return MappingProxyType(found)


def _is_texts(value: object) -> bool:
    return isinstance(value, list | tuple) and all(isinstance(item, str) for item in value)
