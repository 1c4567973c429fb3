"""Keys and signatures that are strong enough to be believed."""

from __future__ import annotations

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.x509.oid import SignatureAlgorithmOID

from caracal_core.errors import Unauthenticated

_RSA_BITS_MIN = 2048
_RSA_BITS_MAX = 16_384
_CURVES = frozenset({"secp256r1", "secp384r1", "secp521r1"})
_HASHES = frozenset({"sha256", "sha384", "sha512"})


def check_key(certificate: x509.Certificate) -> None:
    """Accept RSA from 2048 bits, EC on P-256, P-384 and P-521, and Ed25519.

    Raises:
        Unauthenticated: it is another key.
    """
    key = certificate.public_key()
    if isinstance(key, RSAPublicKey):
        fit = _RSA_BITS_MIN <= key.key_size <= _RSA_BITS_MAX
    elif isinstance(key, EllipticCurvePublicKey):
        fit = key.curve.name in _CURVES
    else:
        fit = isinstance(key, Ed25519PublicKey)
    if not fit:
        raise Unauthenticated("a certificate's key is weak or of a kind that is not accepted")


def is_signed_well(signed: x509.Certificate | x509.CertificateRevocationList) -> bool:
    """Say whether the signature is made over SHA-2, or is Ed25519's; MD5 and SHA-1 are broken."""
    if signed.signature_algorithm_oid == SignatureAlgorithmOID.ED25519:
        return True
    made_over = signed.signature_hash_algorithm
    return made_over is not None and made_over.name in _HASHES
