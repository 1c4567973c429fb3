"""A secret key of the deployment's own, for hashes that nobody without it can make or check."""

from __future__ import annotations

from hashlib import blake2b

SECRET_BYTES_MIN, SECRET_BYTES_MAX = 32, 64
PURPOSE_BYTES_MAX = 16


class HashKey:
    """Makes keyed BLAKE2b hashes (RFC 7693).

    Args:
        secret: 32 to 64 bytes, all of them random.

    Attributes:
        id: public name of the key, 8 hexadecimal digits that follow from the secret: what is
            stored beside a hash says by it which key made the hash.

    Raises:
        ValueError: the secret is too short or too long.
    """

    __slots__ = ("_secret", "id")

    def __init__(self, secret: bytes) -> None:
        if not SECRET_BYTES_MIN <= len(secret) <= SECRET_BYTES_MAX:
            raise ValueError(f"a hash key has {SECRET_BYTES_MIN} to {SECRET_BYTES_MAX} bytes")
        self._secret = secret
        self.id = self.digest("key id", b"")[:4].hex()

    def digest(self, purpose: str, data: bytes) -> bytes:
        """Return the 32 bytes of the keyed hash.

        Args:
            purpose: what the hash is for, at most 16 ASCII characters: the same data has another
                hash for each purpose.
            data: what is hashed.

        Raises:
            ValueError: the purpose is too long.
        """
        person = purpose.encode("ascii")
        return blake2b(data, digest_size=32, key=self._secret, person=person).digest()

    def __repr__(self) -> str:
        """Name the key; its secret is never shown."""
        return f"HashKey({self.id})"
