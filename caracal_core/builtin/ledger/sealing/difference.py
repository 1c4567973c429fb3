"""The first entry that is not as its seal says."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Literal

from msgspec import Struct

from caracal_core.builtin.ledger.sealing.chain import Head
from caracal_core.builtin.ledger.sealing.entry_form import LABEL_BYTES, labelled_id

Change = Literal["changed", "missing", "added"]


class Difference(Struct, frozen=True):
    """An entry that is not as it was sealed.

    Attributes:
        id: the entry's.
        change: it was ``changed``, is ``missing``, or was ``added`` behind the seal's back.
    """

    id: int
    change: Change


def first_difference(sealed: bytes, found: Sequence[tuple[int, bytes]]) -> Difference | None:
    """Compare what a seal vouches for with what stands there, both in the order of ids.

    Args:
        sealed: the seal's labels.
        found: id and label of each entry in the seal's range; an empty label is one of an entry
            that cannot be read.
    """
    expected = list(_split(sealed))
    if b"".join(label for _, label in found) == sealed:
        return None
    for (id_, label), (there, is_) in zip(expected, found, strict=False):
        if there < id_:
            return Difference(there, "added")
        if there > id_:
            return Difference(id_, "missing")
        if label != is_:
            return Difference(id_, "changed")
    if len(expected) > len(found):
        return Difference(expected[len(found)][0], "missing")
    return Difference(found[len(expected)][0], "added")


def is_orderly(head: Head, labels: bytes) -> bool:
    """Return whether a seal's labels are in its range, and in the order of their ids."""
    ids = [id_ for id_, _ in _split(labels)]
    rising = all(one < other for one, other in pairwise(ids))
    return rising and head.first_id <= ids[0] and ids[-1] == head.last_id


def _split(labels: bytes) -> Iterator[tuple[int, bytes]]:
    for start in range(0, len(labels), LABEL_BYTES):
        label = labels[start : start + LABEL_BYTES]
        yield labelled_id(label), label
