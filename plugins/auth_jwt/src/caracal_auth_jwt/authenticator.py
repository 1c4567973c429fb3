"""From the Authorization header to a proven agent (RFC 6750, RFC 8725)."""

from __future__ import annotations

import re
from collections.abc import Sequence

from caracal_auth_jwt import compact, confirmation
from caracal_auth_jwt.compact import Compact
from caracal_auth_jwt.issuer import Issuer, read_claims
from caracal_auth_jwt.token_cache import TokenCache
from caracal_auth_jwt.token_name import form_of
from caracal_core.domain import Headers, Principal, Request
from caracal_core.domain.credential_kinds import BEARER_JWS, is_compact_jws
from caracal_core.errors import Unauthenticated
from caracal_core.ports import Clock

_BEARER = re.compile(r"bearer(?![!#$%&'*+.^_`|~0-9A-Za-z-])", re.ASCII | re.IGNORECASE)
"""The scheme, to its end: names of schemes are tokens (RFC 9110 section 5.6.2)."""


class JwtAuthenticator:
    """Proves agents by tokens that trusted issuers have signed.

    Args:
        issuers: the trusted issuers; with several of them, each has its own name.
        max_token_bytes: the longest token that is looked at.
        cache: the tokens that were verified.
        clock: tells the time.
    """

    scheme = "jwt"
    challenge = 'Bearer realm="caracal"'
    headers = frozenset({"authorization"})
    kinds = frozenset({BEARER_JWS})

    def __init__(
        self, issuers: Sequence[Issuer], max_token_bytes: int, cache: TokenCache, clock: Clock
    ) -> None:
        self._only = issuers[0] if len(issuers) == 1 else None
        self._named = {issuer.name: issuer for issuer in issuers}
        self._max_token_bytes = max_token_bytes
        self._cache = cache
        self._clock = clock
        self.credential_form = form_of([issuer.name for issuer in issuers])

    async def authenticate(self, request: Request) -> Principal | None:
        """Return the agent that the bearer token proves, or None where there is none.

        A bearer token of another form than three parts is no JWT: it is left to other modes.
        Nothing is looked up by what a token says; only a key id that its issuer's URL did not name
        before makes that URL be fetched again, and no more often than configured.
        """
        token = _bearer(request.headers)
        if token is None or (token and not is_compact_jws(token)):
            return None
        now = self._clock.now()
        if len(token) > self._max_token_bytes:
            raise Unauthenticated("the token is longer than max_token_bytes")
        proof = self._cache.find(token, now)
        if proof is None:
            signed = compact.parse(token, self._max_token_bytes)
            verified = await self._issuer(signed).verify(signed, now)
            proof = verified.proof
            self._cache.keep(token, verified)
        confirmation.check(proof.certificate, request.connection)
        return proof.principal

    def _issuer(self, signed: Compact) -> Issuer:
        """Return the issuer whose rules and keys the token has to pass.

        Raises:
            Unauthenticated: the token names none that is trusted.
        """
        if self._only is not None:
            return self._only
        name = read_claims(signed).get("iss")
        issuer = self._named.get(name) if isinstance(name, str) else None
        if issuer is None:
            raise Unauthenticated("the token names no trusted issuer")
        return issuer


def _bearer(headers: Headers) -> str | None:
    """Return what stands after ``Bearer`` and one space, or None where no field has the scheme.

    Raises:
        Unauthenticated: a bearer token stands beside another credential, or not after exactly
            one space.
    """
    fields = headers.all("authorization")
    for field in fields:
        scheme = _BEARER.match(field)
        if scheme is None:
            continue
        if len(fields) > 1:
            raise Unauthenticated("there are several Authorization fields")
        rest = field[scheme.end() :]
        if rest[:1] != " ":
            raise Unauthenticated("no token stands after Bearer and one space")
        return rest[1:]
    return None
