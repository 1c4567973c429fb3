"""What a verified token may claim, and whom it proves (RFC 7519 section 4)."""

from __future__ import annotations

import hashlib
import json
import re
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from msgspec import Struct

from caracal_auth_jwt.confirmation import thumbprint
from caracal_auth_jwt.token_name import name_of
from caracal_core.domain import Once, Principal
from caracal_core.domain.globs import Globs
from caracal_core.errors import Unauthenticated

AGENT_NAME = re.compile(r"[A-Za-z0-9._:/@|+=-]{1,128}", re.ASCII)
_LATEST = 253_402_300_799  # the last second of the year 9999
_ATTRIBUTE_MAX = 1024

_ATTRIBUTES = (("iss", "issuer"), ("sub", "subject"), ("jti", "jti"))
_SCOPES = ("scope", "scp")


class Proof(Struct, frozen=True):
    """What a token proves, and for how long.

    Attributes:
        principal: whom.
        begins_at: unix seconds before which it proves nobody; leeway is counted in.
        ends_at: unix seconds from which it proves nobody any more; leeway is counted in.
        certificate: SHA-256 of the only client certificate that may show it, or None.
    """

    principal: Principal
    begins_at: float
    ends_at: float
    certificate: bytes | None


class ClaimRules(Struct, frozen=True):
    """What claims are held against.

    Attributes:
        issuer: what ``iss`` must be; None accepts any.
        audiences: one of which ``aud`` must be or contain; None accepts any.
        agent_claim: the claim that names the agent; None takes ``agent_id``, else ``sub``.
        leeway_seconds: how far two clocks may be apart.
        max_lifetime_seconds: the longest a token may be valid.
        agents: the names that the issuer may prove.
        required: claims that must be there.
        single_use: whether a token is good for one request; ``jti`` and ``iat`` must be there.
    """

    issuer: str | None
    audiences: frozenset[str] | None
    agent_claim: str | None
    leeway_seconds: float
    max_lifetime_seconds: float
    agents: Globs = Globs(["*"])
    required: frozenset[str] = frozenset()
    single_use: bool = False

    def prove(self, claims: Mapping[str, Any], now: float) -> Proof:
        """Return what the claims prove.

        Args:
            claims: the claims of a token whose signature was verified.
            now: unix seconds.

        Raises:
            Unauthenticated: a rule is broken.
        """
        if not self.required <= claims.keys():
            raise Unauthenticated("the token lacks a required claim")
        expires, begins, issued = self._checked_times(claims, now)
        self._check_audience(claims)
        attributes = _attributes(claims)
        if self.issuer is not None and attributes.get("issuer") != self.issuer:
            raise Unauthenticated("the token is another issuer's")
        ends = expires + self.leeway_seconds
        principal = Principal(
            self._agent(claims),
            "jwt",
            attributes,
            credential=name_of(attributes.get("issuer"), attributes.get("jti")),
            issued_at=None if issued is None else issued - self.leeway_seconds,
            once=(self._once(attributes, issued),) if self.single_use else (),
        )
        return Proof(principal, begins - self.leeway_seconds, ends, thumbprint(claims))

    def _checked_times(
        self, claims: Mapping[str, Any], now: float
    ) -> tuple[float, float, float | None]:
        """Return when the token ends, when it begins, and when it was issued."""
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
        return expires, max(not_before or 0.0, issued or 0.0), issued

    def _check_audience(self, claims: Mapping[str, Any]) -> None:
        audience = claims.get("aud", ())
        audiences = [audience] if isinstance(audience, str) else audience
        if not _is_texts(audiences) or ("aud" in claims and not audiences):
            raise Unauthenticated("the token's aud is neither a text nor a list of texts")
        if self.audiences is not None and self.audiences.isdisjoint(audiences):
            raise Unauthenticated("the token is for another audience")

    def _agent(self, claims: Mapping[str, Any]) -> str:
        claim = self.agent_claim or ("agent_id" if "agent_id" in claims else "sub")
        name = claims.get(claim)
        if not isinstance(name, str) or not AGENT_NAME.fullmatch(name):
            raise Unauthenticated("the token does not name an agent by the rule for agents' names")
        if not self.agents.match(name):
            raise Unauthenticated("the token names an agent that its issuer may not prove")
        return name

    @staticmethod
    def _once(attributes: Mapping[str, str], issued: float | None) -> Once:
        """Return what is claimed of a token for single use: its name, however it is written."""
        if not attributes.get("jti") or issued is None:
            raise Unauthenticated("the token is for single use and has no jti or no iat")
        name = json.dumps([attributes.get("issuer"), attributes["jti"]]).encode()
        digest = urlsafe_b64encode(hashlib.sha256(name).digest()).rstrip(b"=").decode()
        return Once(f"jti:{digest}", issued)


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
    found = {
        attribute: _text(claim, claims[claim])
        for claim, attribute in _ATTRIBUTES
        if claim in claims
    }
    scopes = [_text(name, claims[name]) for name in _SCOPES if name in claims]
    if len(set(scopes)) > 1:
        raise Unauthenticated("the token's scope and scp differ")
    return MappingProxyType(found | {"scopes": scopes[0]} if scopes else found)


def _text(claim: str, value: Any) -> str:
    if claim in _SCOPES and _is_texts(value):
        value = " ".join(value)
    if not isinstance(value, str) or len(value) > _ATTRIBUTE_MAX or not value.isprintable():
        raise Unauthenticated(f"the token's {claim} is not one short, printable text")
    return value


def _is_texts(value: Any) -> bool:
    return isinstance(value, list | tuple) and all(isinstance(item, str) for item in value)
