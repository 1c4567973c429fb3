"""A public key bound to the one algorithm that it may verify (RFC 7518, RFC 8037, RFC 9864)."""

from __future__ import annotations

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from joserfc.errors import JoseError
from joserfc.jwk import Key
from joserfc.jws import JWSRegistry

from caracal_auth_jwt.algorithms import ALGORITHMS, signature
from caracal_auth_jwt.roca import is_roca

_RSA_BITS_MIN = 2048
_RSA_BITS_MAX = 8192  # a larger one only makes each verification slower
_RSA_EXPONENT_MIN = 65_537

_KINDS = {
    "ES256": "an EC key on P-256",
    "ES384": "an EC key on P-384",
    "ES512": "an EC key on P-521",
    "Ed25519": "an Ed25519 key",
    "EdDSA": "an Ed25519 key",
}


class Unfit(Exception):
    """This is no key for the algorithm.

    Args:
        what: what is wrong with it, without any of it.
        mend: what the operator can do about it.
    """

    def __init__(self, what: str, mend: str) -> None:
        super().__init__(what)
        self.what, self.mend = what, mend


class VerifyingKey:
    """A public key and its algorithm. No token can make it use another.

    Args:
        key: the public key.
        algorithm: one of `config.ALGORITHMS`.

    Attributes:
        algorithm: the algorithm, by the newer name where it has two.

    Raises:
        Unfit: the key is too weak, or of another kind than the algorithm's.
    """

    __slots__ = ("_key", "_model", "algorithm")

    def __init__(self, key: Key, algorithm: str) -> None:
        if algorithm not in ALGORITHMS:
            raise Unfit(f"cannot be used with {algorithm}", f"Choose {', '.join(ALGORITHMS)}.")
        # The two names mean the same signature, and joserfc only warns of the older one.
        name = self.algorithm = signature(algorithm)
        model = JWSRegistry(algorithms=[name]).get_alg(name)
        try:
            model.check_key(key)
        except JoseError:
            kind = _KINDS.get(algorithm, "an RSA key")
            raise Unfit(
                f"is no key for {algorithm}",
                f"Put {kind} there, or set JWT_ALGORITHM to the key's own algorithm.",
            ) from None
        if isinstance(key.public_key, RSAPublicKey):
            _check_rsa(key.public_key)
        self._model, self._key = model, key

    def verifies(self, signing_input: bytes, signature: bytes) -> bool:
        """Say whether this is the key's signature over the input; whatever comes, no error."""
        try:
            return self._model.verify(signing_input, signature, self._key)
        except Exception:  # noqa: BLE001 - what a library chokes on proves nobody
            return False


def _check_rsa(key: RSAPublicKey) -> None:
    mend = "Have the issuer make a new key: RSA, 3072 bits, exponent 65537."
    if not _RSA_BITS_MIN <= key.key_size <= _RSA_BITS_MAX:
        raise Unfit(
            f"is an RSA key of {key.key_size} bits; {_RSA_BITS_MIN} to {_RSA_BITS_MAX} are "
            "accepted",
            mend,
        )
    numbers = key.public_numbers()
    if numbers.e < _RSA_EXPONENT_MIN:
        raise Unfit(f"is an RSA key with an exponent below {_RSA_EXPONENT_MIN}", mend)
    if is_roca(numbers.n):
        raise Unfit("is an RSA key that can be factored (ROCA, CVE-2017-15361)", mend)
