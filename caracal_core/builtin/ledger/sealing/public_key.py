"""The public half of a signing key, for whoever verifies checkpoints elsewhere."""

from __future__ import annotations

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_public_key,
)


def written(public: bytes) -> str:
    """Return a public key's 32 bytes as PEM (RFC 8410)."""
    key = Ed25519PublicKey.from_public_bytes(public)
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def read(pem: bytes) -> bytes:
    """Return the 32 bytes of a public key that is written so.

    Raises:
        ValueError: it is no Ed25519 public key in PEM.
    """
    key = load_pem_public_key(pem)
    if not isinstance(key, Ed25519PublicKey):
        raise ValueError("it is not an Ed25519 key")  # noqa: TRY004 - as with all that is no key
    return key.public_bytes(Encoding.Raw, PublicFormat.Raw)
