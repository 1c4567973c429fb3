"""The canonical form of an entry: the bytes that a seal vouches for.

Form 1 is the line ``caracal-entry-1``, a newline, and the JSON array of the entry's columns in the
order of `SealedEntry`, as msgspec writes it: no spaces, text in UTF-8, integers as they are, the
instant as the shortest decimal that reads back as the same IEEE 754 double. A column that is added
later makes a form 2; what was sealed in form 1 stays so.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256

import msgspec
from msgspec import Struct

from caracal_core.ports import Row

FORM = b"caracal-entry-1\n"
COLUMNS = """
    id, charge, kind, agent, route, request, currency, held_micro, amount_micro, cause,
    basis, price, created_at
"""
"""What to select, in this order."""

DIGEST_BYTES = 32

_ID_BYTES = 8


class SealedEntry(Struct, frozen=True, array_like=True, gc=False):
    """An entry's columns, in the order of its canonical form."""

    id: int
    charge: str
    kind: str
    agent: str
    route: str
    request: str
    currency: str
    held_micro: int
    amount_micro: int
    cause: str
    basis: str
    price: str
    created_at: float


LABEL_BYTES = _ID_BYTES + DIGEST_BYTES
"""What a seal keeps of each entry: its id, and the digest of its canonical form."""

encoded = msgspec.json.Encoder().encode
"""Return an entry's JSON array, which the form ends with."""


def read(rows: Sequence[Row]) -> list[SealedEntry]:
    """Read rows of `COLUMNS` strictly: text is text, numbers are numbers, nothing is NULL.

    Raises:
        msgspec.ValidationError: a value has another type than its column.
    """
    values = [tuple(row.values()) for row in rows]
    return msgspec.convert(values, list[SealedEntry], builtin_types=(bytes,))


def label(entry: SealedEntry) -> bytes:
    """Return the entry's id, eight bytes with the highest first, and the SHA-256 of its form."""
    return entry.id.to_bytes(_ID_BYTES, signed=True) + sha256(FORM + encoded(entry)).digest()


def labelled_id(label: bytes) -> int:
    """Return the id that a label begins with."""
    return int.from_bytes(label[:_ID_BYTES], signed=True)
