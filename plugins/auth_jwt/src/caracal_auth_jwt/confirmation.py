"""Tokens that only one client may show (RFC 7800): by its certificate (RFC 8705 section 3)."""

from __future__ import annotations

import hashlib
import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from typing import Any

from caracal_core.domain import Connection
from caracal_core.errors import Unauthenticated

_DIGEST_BYTES = 32


def thumbprint(claims: Mapping[str, Any]) -> bytes | None:
    """Return the SHA-256 of the certificate that a token is bound to, or None where to none.

    Raises:
        Unauthenticated: it is bound to something else, such as a DPoP key, which nobody checks
            here; passing it as a plain bearer token would undo what its issuer wanted.
    """
    if "cnf" not in claims:
        return None
    bound = claims["cnf"]
    text = bound.get("x5t#S256") if isinstance(bound, dict) and len(bound) == 1 else None
    try:
        digest = urlsafe_b64decode(f"{text}==") if isinstance(text, str) else b""
    except ValueError:
        digest = b""
    if len(digest) != _DIGEST_BYTES or urlsafe_b64encode(digest).rstrip(b"=").decode() != text:
        raise Unauthenticated("the token is bound to something else than a certificate")
    return digest


def check(bound_to: bytes | None, connection: Connection) -> None:
    """Refuse a bound token on a connection without its certificate.

    Raises:
        Unauthenticated: the connection's certificate is another one, or there is none.
    """
    if bound_to is None:
        return
    shown = hashlib.sha256(connection.certificate or b"").digest()
    if connection.certificate is None or not hmac.compare_digest(shown, bound_to):
        raise Unauthenticated("the token is bound to another certificate than the connection's")
