"""One trusted issuer: its keys, and what its tokens must be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from caracal_auth_jwt import strict_json, token_types
from caracal_auth_jwt.claims import ClaimRules
from caracal_auth_jwt.compact import Compact
from caracal_auth_jwt.header import HeaderRules
from caracal_auth_jwt.key_set import KeySet, Verifier
from caracal_auth_jwt.key_source import KeySource
from caracal_auth_jwt.token_cache import Verified
from caracal_core.errors import Unauthenticated


class Issuer:
    """Verifies the tokens that one issuer signed.

    Args:
        keys: where its keys come from.
        header_rules: what a token's header is held against.
        claim_rules: what its claims are held against.
    """

    def __init__(self, keys: KeySource, header_rules: HeaderRules, claim_rules: ClaimRules) -> None:
        self.keys = keys
        self._header_rules = header_rules
        self._claim_rules = claim_rules

    @property
    def name(self) -> str | None:
        """What ``iss`` of its tokens must be; None where it may be anything."""
        return self._claim_rules.issuer

    async def verify(self, signed: Compact, now: float) -> Verified:
        """Return what a token proves. Nothing is waited for, unless its key is not known.

        Args:
            signed: the token.
            now: unix seconds.

        Raises:
            Unauthenticated: a rule is broken, or the signature is none of the issuer's.
            Failure: the issuer has no keys at the moment.
        """
        self._header_rules.check(signed.header)
        keys, candidates = await self._candidates(signed.header)
        if not any(key.verifies(signed.signing_input, signed.signature) for key in candidates):
            raise Unauthenticated("the token's signature is not the pinned key's")
        claims = read_claims(signed)
        token_types.check_claims(signed.header, claims)
        return Verified(self._claim_rules.prove(claims, now), self.keys, keys)

    async def _candidates(self, header: Mapping[str, Any]) -> tuple[KeySet, Sequence[Verifier]]:
        """Return the keys in force, and those of them that may have made the signature."""
        kid, algorithm = header.get("kid"), header["alg"]
        keys = self.keys.current()
        found = keys.find(kid, algorithm)
        if not found and kid is not None and await self.keys.renewed():
            keys = self.keys.current()
            found = keys.find(kid, algorithm)
        if not found:
            raise Unauthenticated("the token's key is none that its issuer has")
        return keys, found


def read_claims(signed: Compact) -> dict[str, Any]:
    """Return the claims of a token, which may not be verified yet.

    Raises:
        Unauthenticated: they can be read in several ways, or in none.
    """
    try:
        return strict_json.members(signed.payload)
    except ValueError:
        raise Unauthenticated("the token's claims are not one strict JSON object") from None
