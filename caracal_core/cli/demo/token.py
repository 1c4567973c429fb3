"""A key pair and a token for the demo's agent (RFC 7515, RFC 7519), signed with RS256."""

from __future__ import annotations

import base64
import json
import time
from pathlib import Path

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

KEY_BITS = 2048
VALID_SECONDS = 8 * 3600


def make_key(public_file: Path) -> rsa.RSAPrivateKey:
    """Make a key pair and write its public half; the private one stays in memory."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=KEY_BITS)
    public_file.write_bytes(
        key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
    )
    return key


def sign(key: rsa.RSAPrivateKey, agent: str, issuer: str, audience: str) -> str:
    """Return a bearer token for the agent, good for 8 hours."""
    now = int(time.time())
    claims = {
        "iss": issuer,
        "aud": audience,
        "sub": agent,
        "iat": now,
        "exp": now + VALID_SECONDS,
    }
    signed = f"{_part({'alg': 'RS256', 'typ': 'JWT'})}.{_part(claims)}"
    signature = key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256())
    return f"{signed}.{_base64url(signature)}"


def _part(content: dict[str, object]) -> str:
    return _base64url(json.dumps(content, separators=(",", ":")).encode())


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
