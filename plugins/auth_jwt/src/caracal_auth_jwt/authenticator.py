"""From the Authorization header to a proven agent (RFC 6750, RFC 8725)."""

from __future__ import annotations

import re

from caracal_auth_jwt import compact, strict_json
from caracal_auth_jwt.claims import ClaimRules
from caracal_auth_jwt.header import HeaderRules
from caracal_auth_jwt.key_file import KeyFile
from caracal_core.domain import Headers, Principal, Request
from caracal_core.domain.credential_kinds import BEARER_JWS, BEARER_OTHER
from caracal_core.errors import Unauthenticated
from caracal_core.ports import Clock

_BEARER = re.compile(r"bearer(?![!#$%&'*+.^_`|~0-9A-Za-z-])", re.ASCII | re.IGNORECASE)
"""The scheme, to its end: names of schemes are tokens (RFC 9110 section 5.6.2)."""


class JwtAuthenticator:
    """Proves agents by tokens that one pinned key has signed.

    Args:
        keys: gives the key in force.
        header_rules: what a token's header is held against.
        claim_rules: what its claims are held against.
        max_token_bytes: the longest token that is looked at.
        clock: tells the time.
    """

    scheme = "jwt"
    challenge = 'Bearer realm="caracal"'
    headers = frozenset({"authorization"})
    kinds = frozenset({BEARER_JWS, BEARER_OTHER})  # it refuses a bearer token that is no JWS

    def __init__(
        self,
        keys: KeyFile,
        header_rules: HeaderRules,
        claim_rules: ClaimRules,
        max_token_bytes: int,
        clock: Clock,
    ) -> None:
        self._keys = keys
        self._header_rules = header_rules
        self._claim_rules = claim_rules
        self._max_token_bytes = max_token_bytes
        self._clock = clock

    async def authenticate(self, request: Request) -> Principal | None:
        """Return the agent that the bearer token proves, or None where there is none.

        Nothing is looked up: neither a file nor the network nor a database is asked.
        """
        token = _bearer(request.headers)
        if token is None:
            return None
        signed = compact.parse(token, self._max_token_bytes)
        self._header_rules.check(signed.header)
        if not self._keys.key.verifies(signed.signing_input, signed.signature):
            raise Unauthenticated("the token's signature is not the pinned key's")
        try:
            claims = strict_json.members(signed.payload)
        except ValueError:
            raise Unauthenticated("the token's claims are not one strict JSON object") from None
        return self._claim_rules.principal(claims, self._clock.now())


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
