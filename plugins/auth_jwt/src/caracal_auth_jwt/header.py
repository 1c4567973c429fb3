"""What the header of a token may say (RFC 7515 section 4, RFC 8725, RFC 9068)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from caracal_auth_jwt.token_types import bare_type
from caracal_core.errors import Unauthenticated

_REFUSED = frozenset({"b64", "crit", "enc", "jku", "jwk", "x5c", "x5u", "zip"})
"""Members that ask for something we do not do, or bring a key of the sender's own."""

KEY_ID = re.compile(r"(?!/|.*(?:\.\.|//))[A-Za-z0-9._~:@+/=#-]{1,256}", re.ASCII)
"""Base64, thumbprints, DIDs and plain names; no absolute path, none upwards, no URL, no command."""


class HeaderRules(Struct, frozen=True):
    """What a header is held against.

    Attributes:
        algorithms: the accepted values of ``alg``.
        types: the accepted values of ``typ``, bare.
        accept_untyped: whether ``typ`` may be absent.
    """

    algorithms: frozenset[str]
    types: frozenset[str]
    accept_untyped: bool

    def check(self, header: Mapping[str, Any]) -> None:
        """Refuse a header that breaks a rule. Nothing is ever looked up by what it says.

        Raises:
            Unauthenticated: a rule is broken.
        """
        algorithm = header.get("alg")
        if not isinstance(algorithm, str) or algorithm not in self.algorithms:
            raise Unauthenticated("the token's alg is not the configured algorithm")
        if not _REFUSED.isdisjoint(header):
            raise Unauthenticated("the token's header has a member that is never accepted")
        if "typ" in header:
            self._check_type(header["typ"])
        elif not self.accept_untyped:
            raise Unauthenticated("the token has no typ")
        if "kid" in header:
            _check_key_id(header["kid"])

    def _check_type(self, typ: object) -> None:
        if not isinstance(typ, str) or bare_type(typ) not in self.types:
            raise Unauthenticated("the token's typ is not one of the accepted types")


def _check_key_id(kid: object) -> None:
    if not isinstance(kid, str) or not KEY_ID.fullmatch(kid):
        raise Unauthenticated("the token's kid is not a plain name of a key")
