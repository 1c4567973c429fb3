"""The header in which a proxy passes on its client's certificate, as Envoy writes it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from urllib.parse import unquote_to_bytes

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from msgspec import Struct

from caracal_core.errors import Unauthenticated

FIELD = "x-forwarded-client-cert"

BYTES_MAX = 65_536
"""The longest value that is looked at."""

CERTIFICATES_MAX = 8
"""How many certificates ``Chain`` may hold, the client's own included."""

_PAIR = re.compile(r'([A-Za-z]+)=(?:"((?:[^"\\]|\\.)*)"|([^",;=\\]*))(;|,|$)')
_ONCE = frozenset({"cert", "chain", "hash", "subject"})
_KEYS = _ONCE | {"by", "uri", "dns"}
_ESCAPED = re.compile(r"\\(.)")
_ENCODED = re.compile(r"(?:[!-$&-~]|%[0-9A-Fa-f]{2})+")
_PEM = re.compile(
    rb"\s*(-----BEGIN CERTIFICATE-----\s[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----)\s*"
)


class Forwarded(Struct, frozen=True):
    """What a proxy says that it was shown; nothing of it is proved yet.

    Attributes:
        certificate: the client's own certificate (DER).
        others: what was sent with it (DER).
    """

    certificate: bytes
    others: tuple[bytes, ...]


def parse(values: Sequence[str]) -> Forwarded:
    """Read the last element of the last field, which is the one that the nearest proxy wrote.

    The whole field has to be well-formed: an element before the last one comes from elsewhere,
    and one unbalanced quote in it could move the borders of those after it.

    Args:
        values: the header's values, in the order they came.

    Raises:
        Unauthenticated: there is none, or it is not what a proxy writes.
    """
    if not values:
        raise Unauthenticated("the proxy forwarded no client certificate")
    value = values[-1]
    if len(value) > BYTES_MAX:
        raise Unauthenticated("the forwarded client certificate is too long")
    element = _last_element(value)
    if "cert" not in element:
        raise Unauthenticated("the proxy forwarded no client certificate in Cert")
    try:
        (certificate,) = _certificates(element["cert"], 1)
        chain = _certificates(element["chain"], CERTIFICATES_MAX) if "chain" in element else ()
    except ValueError:
        raise _garbled() from None
    if chain and chain[0] != certificate:
        raise Unauthenticated("the forwarded Chain is another certificate's")
    return Forwarded(certificate, tuple(chain[1:]))


def _last_element(value: str) -> dict[str, str]:
    """Return the keys, in lower case, and values of the last element."""
    element: dict[str, str] = {}
    place, end = 0, ";"
    while end:
        pair = _PAIR.match(value, place)
        if pair is None:
            raise _garbled()
        key, quoted, bare, end = pair.groups()
        key, place = key.lower(), pair.end()
        if key not in _KEYS or (key in _ONCE and key in element):
            raise _garbled()
        element[key] = bare if quoted is None else _ESCAPED.sub(r"\1", quoted)
        if end == ",":
            element = {}
    return element


def _certificates(encoded: str, most: int) -> Sequence[bytes]:
    """Read URL-encoded PEM.

    Raises:
        ValueError: it is none, or holds another number of certificates than one to ``most``.
    """
    if not _ENCODED.fullmatch(encoded):
        raise ValueError("not URL-encoded")
    text, place, found = unquote_to_bytes(encoded), 0, list[bytes]()
    while place < len(text) and len(found) < most:
        block = _PEM.match(text, place)
        if block is None:
            break
        found.append(x509.load_pem_x509_certificate(block[1]).public_bytes(Encoding.DER))
        place = block.end()
    if not found or place < len(text):
        raise ValueError("not certificates in PEM")
    return found


def _garbled() -> Unauthenticated:
    return Unauthenticated("the forwarded client certificate is garbled")
