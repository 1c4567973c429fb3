"""How a key is written: one fixed form, recognisable by scanners, its typing mistakes noticed.

``ck_`` + id + ``_`` + secret + checksum, 80 characters, all of them of base32's lower case
(RFC 4648 section 6) but for the prefix and the line between. The checksum is over all before it.
"""

from __future__ import annotations

import re
import secrets
from hashlib import sha256

from msgspec import Struct

from caracal_core.domain import HashKey

PREFIX = "ck_"
LENGTH = 80

_ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"
_ID_CHARACTERS = 16
_SECRET_CHARACTERS = 52  # 260 bits, the least that hold 256
_CHECKSUM_CHARACTERS = 8
_KEY = re.compile(
    rf"{PREFIX}(?P<id>[a-z2-7]{{{_ID_CHARACTERS}}})_"
    rf"[a-z2-7]{{{_SECRET_CHARACTERS + _CHECKSUM_CHARACTERS}}}"
)
ID_PATTERN = rf"[a-z2-7]{{{_ID_CHARACTERS}}}"
_ID = re.compile(ID_PATTERN)
_PURPOSE = "api key"


class ApiKey(Struct, frozen=True):
    """A key whose form and checksum are right, which proves nothing yet.

    Attributes:
        id: the public part, by which it is looked up.
        text: the whole key, as it is sent.
    """

    id: str
    text: str

    def hashed(self, key: HashKey) -> str:
        """Return what is stored in the key's place: 64 hexadecimal digits."""
        return key.digest(_PURPOSE, self.text.encode("ascii")).hex()

    def __repr__(self) -> str:
        """Name the key; its secret is never shown."""
        return f"ApiKey({PREFIX}{self.id}_***)"


def generate() -> ApiKey:
    """Return a new key with a secret of 260 random bits."""
    name = _random(_ID_CHARACTERS)
    body = f"{PREFIX}{name}_{_random(_SECRET_CHARACTERS)}"
    return ApiKey(name, body + _checksum(body))


def parse(text: str) -> ApiKey | None:
    """Return the key, or None where the text is not exactly one. Nothing is mended."""
    match = _KEY.fullmatch(text) if len(text) == LENGTH else None
    if match is None:
        return None
    body, checksum = text[:-_CHECKSUM_CHARACTERS], text[-_CHECKSUM_CHARACTERS:]
    return ApiKey(match["id"], text) if checksum == _checksum(body) else None


def is_id(text: str) -> bool:
    """Return whether a text has the form of a key's id."""
    return bool(_ID.fullmatch(text))


def _random(count: int) -> str:
    return _spelt(secrets.randbits(5 * count), count)


def _checksum(body: str) -> str:
    """Return the first 40 bits of SHA-256."""
    digest = sha256(body.encode("ascii")).digest()
    return _spelt(int.from_bytes(digest[:5]), _CHECKSUM_CHARACTERS)


def _spelt(number: int, count: int) -> str:
    """Return so many characters of five bits each, the most significant first."""
    return "".join(_ALPHABET[number >> 5 * place & 31] for place in reversed(range(count)))
