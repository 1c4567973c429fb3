"""The compact form of a signed token (RFC 7515 section 7.1), read before anything is believed."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any

from msgspec import Struct

from caracal_auth_jwt import strict_json
from caracal_core.errors import Unauthenticated

_PARTS = 3


class Compact(Struct, frozen=True):
    """A token taken apart; nothing in it is proved yet.

    Attributes:
        header: the members of the protected header.
        payload: the bytes of the claims.
        signing_input: what the signature was made over.
        signature: the bytes of the signature.
    """

    header: dict[str, Any]
    payload: bytes
    signing_input: bytes
    signature: bytes


def parse(token: str, most: int) -> Compact:
    """Take a token apart: three parts, each in the one spelling that base64url gives its bytes.

    Args:
        token: the token.
        most: the longest that is looked at, in bytes.

    Raises:
        Unauthenticated: it is no such token.
    """
    if len(token) > most:
        raise Unauthenticated("the token is longer than max_token_bytes")
    if not token.isascii():
        raise Unauthenticated("the token holds a character that is not ASCII")
    parts = token.encode().split(b".")
    if len(parts) != _PARTS:
        raise Unauthenticated("the token does not have three parts")
    header, payload, signature = map(_decode, parts)
    signing_input = parts[0] + b"." + parts[1]
    return Compact(_members(header), payload, signing_input, signature)


def _decode(part: bytes) -> bytes:
    """Decode one part and insist that encoding gives the same part again.

    So padding, foreign characters and loose last bits are all refused: of two spellings of the
    same bytes only one is a token.
    """
    try:
        data = urlsafe_b64decode(part + b"==")
    except ValueError:
        data = b""
    if urlsafe_b64encode(data).rstrip(b"=") != part:
        raise Unauthenticated("a part of the token is not base64url")
    return data


def _members(header: bytes) -> dict[str, Any]:
    try:
        return strict_json.members(header)
    except ValueError:
        raise Unauthenticated("the token's header is not one strict JSON object") from None
