"""The first entry that is not as it was sealed is found, and what became of it."""

from __future__ import annotations

import pytest

from caracal_core.builtin.ledger.sealing.chain import chained
from caracal_core.builtin.ledger.sealing.difference import (
    Difference,
    first_difference,
    is_orderly,
)


def label(id_, mark=b"."):
    return id_.to_bytes(8, signed=True) + mark * 32


def found(*ids, **marks):
    return [(id_, label(id_, marks.get(f"of_{id_}", b"."))) for id_ in ids]


SEALED = b"".join(map(label, (2, 4, 6)))


@pytest.mark.parametrize(
    ("there", "difference"),
    [
        (found(2, 4, 6), None),
        (found(2, 4, 6, of_4=b"x"), Difference(4, "changed")),
        (found(2, 4, 6, of_4=b"x", of_6=b"x"), Difference(4, "changed")),
        (found(4, 6), Difference(2, "missing")),
        (found(2, 6), Difference(4, "missing")),
        (found(2, 4), Difference(6, "missing")),
        (found(), Difference(2, "missing")),
        (found(1, 2, 4, 6), Difference(1, "added")),
        (found(2, 3, 4, 6), Difference(3, "added")),
        (found(2, 4, 6, 7), Difference(7, "added")),
        (found(2, 4, 4, 6), Difference(4, "added")),
        (found(2, 5, 6), Difference(4, "missing")),
        (found(2, 3, 6), Difference(3, "added")),
        ([(2, label(2)), (4, b""), (6, label(6))], Difference(4, "changed")),
    ],
)
def test_the_first_difference_is_named(there, difference):
    assert first_difference(SEALED, there) == difference


@pytest.mark.parametrize(
    ("ids", "orderly"),
    [((2, 4, 6), True), ((2, 2, 6), False), ((4, 2, 6), False), ((2, 4), False), ((0, 6), False)],
)
def test_labels_are_in_the_seals_range_and_rise(ids, orderly):
    labels = b"".join(map(label, ids))
    assert is_orderly(chained(None, 6, labels, 0.0), labels) is orderly
