"""A checkpoint as it leaves the house: a compact JWS (RFC 7515) signed with Ed25519 (RFC 9864).

Anybody's JOSE library verifies it with the public key: the header is
``{"alg":"Ed25519","kid":...,"typ":"caracal-checkpoint"}``, the payload a `Checkpoint` as JSON.
"""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from msgspec import Struct

from caracal_core.ports import Signer

LONGEST = 4096
TYPE = "caracal-checkpoint"

_COMPACT = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+){2}", re.ASCII)
_HASH = re.compile(r"[0-9a-f]{64}", re.ASCII)


class Checkpoint(Struct, frozen=True, forbid_unknown_fields=True):
    """What is stated of the chain.

    Attributes:
        number: the last seal's number at that time.
        hash: its hash, in hexadecimal digits: it vouches for every entry up to `last_id`.
        last_id: the last id that it covers.
        sealed_at: when it was sealed, in unix seconds by the database's clock.
        signed_at: when this was signed, by the same clock.
    """

    number: int
    hash: str
    last_id: int
    sealed_at: float
    signed_at: float


class _Header(Struct, frozen=True, forbid_unknown_fields=True):
    alg: str
    kid: str
    typ: str


class BadStatement(ValueError):
    """It is no checkpoint that one of the known keys has signed; the message says why."""


def signed(checkpoint: Checkpoint, signer: Signer) -> str:
    """Return the signed statement."""
    header = _Header(alg="Ed25519", kid=signer.id, typ=TYPE)
    body = ".".join(_to_text(msgspec.json.encode(part)) for part in (header, checkpoint))
    return f"{body}.{_to_text(signer.sign(body.encode()))}"


def checked(statement: str, keys: Mapping[str, bytes]) -> Checkpoint:
    """Return what a statement says, if one of these keys has signed it.

    Args:
        statement: what `signed` returned.
        keys: public keys by their ids.

    Raises:
        BadStatement: it is none, or not theirs.
    """
    if len(statement) > LONGEST or not _COMPACT.fullmatch(statement):
        raise BadStatement("it is no compact JWS")
    body, _, signature = statement.rpartition(".")
    head, _, payload = body.partition(".")
    try:
        header = msgspec.json.decode(_to_bytes(head), type=_Header)
        checkpoint = msgspec.json.decode(_to_bytes(payload), type=Checkpoint)
    except ValueError:
        raise BadStatement("it is no checkpoint of a ledger") from None
    if header.alg != "Ed25519" or header.typ != TYPE or not _HASH.fullmatch(checkpoint.hash):
        raise BadStatement("it is no checkpoint of a ledger")
    if header.kid not in keys:
        known = ", ".join(sorted(keys))
        raise BadStatement(f"it names the key {header.kid}, not {known}")
    try:
        key = Ed25519PublicKey.from_public_bytes(keys[header.kid])
        key.verify(_to_bytes(signature), body.encode())
    except (InvalidSignature, ValueError):
        raise BadStatement(f"its signature is not that of the key {header.kid}") from None
    return checkpoint


def _to_text(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def _to_bytes(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))
