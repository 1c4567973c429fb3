"""The chain of seals: each covers a range of ids without a gap, and the seal before it."""

from __future__ import annotations

import struct
from hashlib import sha256

import msgspec
from msgspec import Struct

from caracal_core.builtin.ledger.sealing.entry_form import DIGEST_BYTES, LABEL_BYTES

MOST_ENTRIES = 10_000
"""How many entries a seal covers at most, so that whoever verifies needs little memory."""

GENESIS = bytes(DIGEST_BYTES)
"""What the first seal has in the place of the hash of the seal before."""

_DOMAIN = b"caracal-seal-1\n"
_NUMBERS = struct.Struct(">qqqqdq")


class Head(Struct, frozen=True):
    """A seal without the labels of its entries.

    Attributes:
        number: counts up from 1 without a gap.
        first_id: the first id that it covers, whether or not an entry has it.
        last_id: the last one; every entry with an id in between is covered.
        entries: how many there are.
        previous: hash of the seal before, or `GENESIS`.
        hash: this seal's.
        sealed_at: unix seconds by the database's clock.
        labels_bytes: how long the labels are.
    """

    number: int
    first_id: int
    last_id: int
    entries: int
    previous: bytes
    hash: bytes
    sealed_at: float
    labels_bytes: int


def chained(before: Head | None, last_id: int, labels: bytes, sealed_at: float) -> Head:
    """Return the next seal.

    Args:
        before: the last seal; None makes the first one.
        last_id: the last id that it covers.
        labels: of the entries that it covers, in the order of their ids.
        sealed_at: unix seconds by the database's clock.
    """
    head = Head(
        number=before.number + 1 if before else 1,
        first_id=before.last_id + 1 if before else 1,
        last_id=last_id,
        entries=len(labels) // LABEL_BYTES,
        previous=before.hash if before else GENESIS,
        hash=b"",
        sealed_at=sealed_at,
        labels_bytes=len(labels),
    )
    return msgspec.structs.replace(head, hash=seal_hash(head, labels))


def seal_hash(head: Head, labels: bytes) -> bytes:
    """Return the hash of a seal: SHA-256 over everything else that it consists of.

    The bytes are ``caracal-seal-1``, a newline, then number, first and last id, and the count of
    entries as signed 64-bit integers, the instant as an IEEE 754 double and the labels' length as
    another integer, all with the highest byte first, then the labels, then the previous hash.
    """
    numbers = _NUMBERS.pack(
        head.number, head.first_id, head.last_id, head.entries, head.sealed_at, len(labels)
    )
    return sha256(b"".join((_DOMAIN, numbers, labels, head.previous))).digest()


def fault_of(head: Head, before: Head | None) -> str | None:
    """Say what is wrong with a seal's place in the chain, or None."""
    expected = before.number + 1 if before else 1
    if head.number != expected:
        return f"seal {expected} is missing: seal {head.number} comes in its place"
    if head.previous != (before.hash if before else GENESIS):
        return f"seal {head.number} does not follow from the seal before it"
    if head.first_id != (before.last_id + 1 if before else 1) or head.first_id > head.last_id:
        return f"seal {head.number} does not go on where the seal before it ends"
    if not 0 < head.entries <= MOST_ENTRIES or head.labels_bytes != head.entries * LABEL_BYTES:
        return f"seal {head.number} was changed: it has {head.labels_bytes} bytes of labels"
    return None
