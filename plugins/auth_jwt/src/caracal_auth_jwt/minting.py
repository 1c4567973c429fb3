"""Tokens for tests and demonstrations; in production the issuer makes them."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Literal

from joserfc import jwt
from joserfc.errors import JoseError, SecurityWarning
from joserfc.jwk import import_key

_KEY_TYPES: Mapping[str, Literal["RSA", "EC", "OKP"]] = {
    "RS": "RSA",
    "PS": "RSA",
    "ES": "EC",
    "Ed": "OKP",
}


def mint(
    private_pem: bytes, algorithm: str, claims: Mapping[str, object], kid: str | None = None
) -> str:
    """Sign a token with these claims and nothing else.

    Args:
        private_pem: the private key (PEM) whose public half the gateway has pinned.
        algorithm: one of `caracal_auth_jwt.algorithms.ALGORITHMS`.
        claims: the claims; a gateway demands at least ``exp`` and the agent's name.
        kid: what the header calls the key; None leaves it out.

    Raises:
        ValueError: the algorithm is none of those, or the key is none for it.
    """
    key_type = _KEY_TYPES.get(algorithm[:2])
    if key_type is None:
        raise ValueError(f"{algorithm} is no public-key algorithm")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SecurityWarning)  # EdDSA is also named Ed25519 by now
        try:
            key = import_key(private_pem, key_type)
            header = {"alg": algorithm} if kid is None else {"alg": algorithm, "kid": kid}
            return jwt.encode(header, dict(claims), key, algorithms=[algorithm])
        except JoseError:
            raise ValueError(f"the key is none for {algorithm}") from None
