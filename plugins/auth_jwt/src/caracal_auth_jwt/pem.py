"""One public key out of a PEM file (RFC 7468)."""

from __future__ import annotations

import warnings

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from joserfc.errors import SecurityWarning
from joserfc.jwk import ECKey, Key, OKPKey, RSAKey

from caracal_auth_jwt.keys import Unfit, VerifyingKey

BYTES_MAX = 65_536
"""The largest file that is looked at."""


def load(pem: bytes, algorithm: str) -> VerifyingKey:
    """Read one PEM public key and bind it to its algorithm.

    Raises:
        Unfit: it is no single public key, or none for the algorithm.
    """
    if len(pem) > BYTES_MAX:
        raise Unfit("is larger than 64 KiB", "Put one PEM public key there.")
    if b"PRIVATE KEY" in pem:
        raise Unfit(
            "holds a private key, which must never leave the issuer",
            "Put its public half there (openssl pkey -in KEY -pubout), and replace the key.",
        )
    if b"-----BEGIN CERTIFICATE" in pem:
        raise Unfit(
            "holds a certificate",
            "Put its public key there (openssl x509 -in CERTIFICATE -noout -pubkey).",
        )
    if pem.count(b"-----BEGIN ") != 1:
        raise Unfit(
            "does not hold exactly one PEM block", "Put the one key there that signs the tokens."
        )
    try:
        public = load_pem_public_key(pem)
    except (ValueError, UnsupportedAlgorithm):
        raise Unfit(
            "holds no readable PEM public key", "It begins with -----BEGIN PUBLIC KEY-----."
        ) from None
    try:
        return VerifyingKey(_key(public, algorithm), algorithm)
    except Unfit:
        raise
    except Exception as error:  # joserfc raises what it likes, such as for other curves
        raise _unfit(algorithm) from error


def _key(public: object, algorithm: str) -> Key:
    """Return the key in joserfc's form."""
    if isinstance(public, RSAPublicKey):
        with warnings.catch_warnings():
            # `VerifyingKey` refuses the sizes that this only warns of.
            warnings.simplefilter("ignore", SecurityWarning)
            return RSAKey.import_key(public)
    if isinstance(public, EllipticCurvePublicKey):
        return ECKey.import_key(public)
    if isinstance(public, Ed25519PublicKey):
        return OKPKey.import_key(public)
    raise _unfit(algorithm)


def _unfit(algorithm: str) -> Unfit:
    return Unfit(
        f"is no key for {algorithm}", "RSA, EC on P-256, P-384 or P-521, and Ed25519 keys are."
    )
