"""The chain of seals, walked along in bounded steps."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import cast

from msgspec import Struct

from caracal_core.builtin.ledger.sealing import seals
from caracal_core.builtin.ledger.sealing.chain import MOST_ENTRIES, Head, fault_of
from caracal_core.ports import Database, Row

_HEADS = 500


class Fault(Struct, frozen=True):
    """The first thing that is not as it was sealed.

    Attributes:
        what: one sentence that names it.
        seal: number of the seal concerned; None where it is the record of an archive.
        entry: id of the entry concerned; None where it is none.
    """

    what: str
    seal: int | None = None
    entry: int | None = None


async def in_groups(
    database: Database, before: Head | None = None
) -> AsyncIterator[tuple[Sequence[Head], Fault | None]]:
    """Yield seals whose places in the chain are right, with about 10,000 entries at once.

    What is yielded with them is wrong with the seal after them.

    Args:
        database: where the chain is.
        before: begin with the seal behind this one; None begins with the first.

    Raises:
        Failure: the database cannot be asked.
    """
    group, count = list[Head](), 0
    after = before.number if before else None
    while page := await seals.page(database, after, _HEADS):
        for head in page:
            if fault := _placed(head, before):
                yield group, fault
                return
            before = cast(Head, head)
            group.append(before)
            count += before.entries
            if count >= MOST_ENTRIES:
                yield group, None
                group, count = [], 0
        after = before.number if before else None
    if group:
        yield group, None


def _placed(head: Head | Row, before: Head | None) -> Fault | None:
    """Say what is wrong with a seal's place."""
    expected = before.number + 1 if before else 1
    if not isinstance(head, Head):
        return Fault(f"seal {head['number']} was changed: it has values of other types", expected)
    what = fault_of(head, before)
    return Fault(what, expected) if what else None
