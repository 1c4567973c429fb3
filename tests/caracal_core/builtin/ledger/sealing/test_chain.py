"""Each seal follows from the one before, covers what comes next, and has a hash over all of it."""

from __future__ import annotations

import struct
from hashlib import sha256

import msgspec
import pytest

from caracal_core.builtin.ledger.sealing.chain import (
    GENESIS,
    MOST_ENTRIES,
    chained,
    fault_of,
    seal_hash,
)
from caracal_core.builtin.ledger.sealing.entry_form import LABEL_BYTES

LABELS = bytes(range(2 * LABEL_BYTES))
FIRST = chained(None, 5, LABELS, 12.5)
SECOND = chained(FIRST, 9, LABELS, 13.5)


def test_the_hash_is_fixed():
    """A change of its framing would break every chain that there is."""
    numbers = struct.pack(">qqqqdq", 1, 1, 5, 2, 12.5, 80)
    assert FIRST.hash == sha256(b"caracal-seal-1\n" + numbers + LABELS + bytes(32)).digest()


def test_a_seal_goes_on_where_the_last_one_ended():
    assert (FIRST.number, FIRST.first_id, FIRST.last_id, FIRST.entries) == (1, 1, 5, 2)
    assert FIRST.previous == GENESIS
    assert (SECOND.number, SECOND.first_id, SECOND.previous) == (2, 6, FIRST.hash)
    assert fault_of(FIRST, None) is None
    assert fault_of(SECOND, FIRST) is None


@pytest.mark.parametrize("field", ["number", "first_id", "last_id", "entries", "sealed_at"])
def test_every_number_is_in_the_hash(field):
    other = msgspec.structs.replace(FIRST, **{field: getattr(FIRST, field) + 1})
    assert seal_hash(other, LABELS) != FIRST.hash


def test_labels_and_the_previous_hash_are_in_it():
    assert seal_hash(FIRST, LABELS[:-1] + b"x") != FIRST.hash
    assert seal_hash(msgspec.structs.replace(FIRST, previous=FIRST.hash), LABELS) != FIRST.hash


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"number": 3}, "seal 2 is missing"),
        ({"previous": GENESIS}, "does not follow"),
        ({"first_id": 7}, "does not go on"),
        ({"first_id": 5}, "does not go on"),
        ({"last_id": 5}, "does not go on"),
        ({"entries": 3}, "was changed"),
        ({"entries": 0, "labels_bytes": 0}, "was changed"),
        ({"labels_bytes": 79}, "was changed"),
        (
            {"entries": MOST_ENTRIES + 1, "labels_bytes": (MOST_ENTRIES + 1) * LABEL_BYTES},
            "was changed",
        ),
    ],
)
def test_what_is_wrong_with_a_place_is_said(changes, what):
    assert what in fault_of(msgspec.structs.replace(SECOND, **changes), FIRST)


def test_the_first_seal_begins_the_chain():
    assert "seal 1 is missing" in fault_of(SECOND, None)
    assert "does not follow" in fault_of(msgspec.structs.replace(FIRST, previous=FIRST.hash), None)
