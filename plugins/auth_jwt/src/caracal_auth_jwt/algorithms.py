"""The signatures that prove a token, and their names (RFC 7518, 8037, 9864)."""

from __future__ import annotations

from typing import Literal, get_args

Algorithm = Literal[
    "RS256",
    "RS384",
    "RS512",
    "PS256",
    "PS384",
    "PS512",
    "ES256",
    "ES384",
    "ES512",
    "Ed25519",
    "EdDSA",
]
"""What a public key can verify."""

ALGORITHMS: tuple[str, ...] = get_args(Algorithm)

SecretAlgorithm = Literal["HS256"]
"""What a secret can verify that the gateway shares with the issuer, and with nobody else."""

SECRET_ALGORITHM: str = get_args(SecretAlgorithm)[0]

_BY_CURVE = {
    ("EC", "P-256"): "ES256",
    ("EC", "P-384"): "ES384",
    ("EC", "P-521"): "ES512",
    ("OKP", "Ed25519"): "Ed25519",
}


def signature(name: str) -> str:
    """Return the one name of a signature that has two: EdDSA over Ed25519 is Ed25519."""
    return "Ed25519" if name == "EdDSA" else name


def is_for(name: str, kind: object, curve: object) -> bool:
    """Say whether a signature is made by keys of this ``kty`` and ``crv`` (RFC 7518, 8037)."""
    if kind == "RSA":
        return name[:2] in ("RS", "PS")
    return isinstance(curve, str) and _BY_CURVE.get((str(kind), curve)) == signature(name)
