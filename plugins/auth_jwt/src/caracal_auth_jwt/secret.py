"""A secret that the gateway shares with an issuer, for HS256 (RFC 7518 section 3.2)."""

from __future__ import annotations

import hmac

from caracal_auth_jwt.algorithms import SECRET_ALGORITHM
from caracal_auth_jwt.keys import Unfit

BYTES_MIN = 32
"""RFC 7518 section 3.2: no shorter than the digest."""

BYTES_MAX = 65_536
_DIFFERENT_MIN = 8
"""Random bytes, and random digits too, have more different values than this."""


class SharedSecret:
    """Verifies HS256 with one secret. It never becomes any other kind of key."""

    __slots__ = ("_secret",)

    algorithm = SECRET_ALGORITHM

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def verifies(self, signing_input: bytes, signature: bytes) -> bool:
        """Say whether this is the secret's signature over the input, in constant time."""
        return hmac.compare_digest(hmac.digest(self._secret, signing_input, "sha256"), signature)


def load(content: bytes) -> SharedSecret:
    """Read a secret; one newline at its end does not belong to it.

    Raises:
        Unfit: it is too short, too long, or something else than a secret.
    """
    mend = "Make one with: openssl rand -hex 32"
    if len(content) > BYTES_MAX:
        raise Unfit("is larger than 64 KiB", mend)
    secret = content.removesuffix(b"\n").removesuffix(b"\r")
    if b"-----BEGIN " in secret:
        raise Unfit("holds PEM, which is no secret that is shared", mend)
    if len(secret) < BYTES_MIN or len(set(secret)) < _DIFFERENT_MIN:
        raise Unfit(f"holds a secret that can be guessed, or of fewer than {BYTES_MIN} bytes", mend)
    return SharedSecret(secret)
