"""Recomputes every seal from the entries, and names the first thing that is not as it was."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import cast

import msgspec
from msgspec import Struct

from caracal_core.builtin.ledger.sealing import seals
from caracal_core.builtin.ledger.sealing.archived import Archived, Labelled
from caracal_core.builtin.ledger.sealing.chain import Head, seal_hash
from caracal_core.builtin.ledger.sealing.difference import first_difference, is_orderly
from caracal_core.builtin.ledger.sealing.entry_form import COLUMNS, LABEL_BYTES, label, read
from caracal_core.builtin.ledger.sealing.walk import Fault, in_groups
from caracal_core.errors import Failure
from caracal_core.ports import Database

_ENTRIES = f"""
SELECT {COLUMNS} FROM entries
WHERE (CAST($1 AS BIGINT) IS NULL OR id >= $1) AND id <= $2
ORDER BY id LIMIT $3
"""  # noqa: S608 - constants
_IDS = """
SELECT id FROM entries WHERE (CAST($1 AS BIGINT) IS NULL OR id >= $1) AND id <= $2
ORDER BY id LIMIT $3
"""
_ONE = f"SELECT {COLUMNS} FROM entries WHERE id = $1 LIMIT 1"  # noqa: S608 - constants
_UNSEALED = "SELECT count(*) AS count FROM entries WHERE id > $1"
_ALIVE = "SELECT 1 AS one"

Progress = Callable[[int], None]


class Verdict(Struct, frozen=True):
    """What verifying found.

    Attributes:
        entries: how many sealed entries are as they were, here or in the files of archives.
        seals: how many seals are.
        last_id: the last id that they cover; 0 without any.
        unsealed: how many entries are not sealed yet, of which nothing can be said.
        fault: the first thing that is wrong; None where nothing is.
    """

    entries: int
    seals: int
    last_id: int
    unsealed: int
    fault: Fault | None


class Verification:
    """One walk along the chain.

    Args:
        database: where it is.
        expected: the hashes of seals that signed checkpoints vouch for, by number.
        progress: is told now and then how many entries were verified.
        archived: the months whose rows are missing on purpose, once for this walk.
    """

    def __init__(
        self,
        database: Database,
        expected: Mapping[int, Sequence[bytes]],
        progress: Progress = lambda _: None,
        archived: Archived | None = None,
    ) -> None:
        self._database = database
        self._expected = expected
        self._progress = progress
        self._archived = archived or Archived()
        self._entries = 0
        self._before: Head | None = None

    async def verify(self) -> Verdict:
        """Walk from the first seal to the last.

        Raises:
            BadArchive: an archive's file is damaged.
            Failure: the database cannot be asked.
        """
        fault = await self._walk() or self._unreached() or self._misplaced()
        before = self._before
        last_id = before.last_id if before else 0
        (row,) = await self._database.fetch(_UNSEALED, last_id)
        unsealed = 0 if fault else cast(int, row["count"])
        seals = before.number if before else 0
        return Verdict(self._entries, seals, last_id, unsealed, fault)

    async def _walk(self) -> Fault | None:
        async for group, broken in in_groups(self._database):
            fault = await self._verify(group) or broken
            if fault:
                return fault
            self._progress(self._entries)
        if self._before is None and (rows := await self._database.fetch(_IDS, None, 0, 1)):
            return _added(cast(int, rows[0]["id"]), 1)
        return None

    def _unreached(self) -> Fault | None:
        """Say which checkpoint lies behind the end of the chain."""
        end = self._before.number if self._before else 0
        beyond = min((number for number in self._expected if number > end), default=None)
        if beyond is None:
            return None
        return Fault(f"the chain ends with seal {end}, before the checkpoint {beyond}", end + 1)

    def _misplaced(self) -> Fault | None:
        what = self._archived.fault()
        return Fault(what) if what else None

    async def _verify(self, group: Sequence[Head]) -> Fault | None:
        """Verify seals whose places are right, and what they cover."""
        if not group:
            return None
        labels = await seals.labels(self._database, group[0].number, group[-1].number)
        found = self._archived.with_files(await self._found(group), group[-1].last_id)
        start = 0
        for head in group:
            end = start
            while end < len(found) and found[end][0] <= head.last_id:
                end += 1
            if fault := self._fault(head, labels.get(head.number), found[start:end]):
                return fault
            self._entries += end - start
            start, self._before = end, head
        return None

    def _fault(self, head: Head, labels: object, found: Sequence[Labelled]) -> Fault | None:
        number = head.number
        if not isinstance(labels, bytes) or len(labels) != head.entries * LABEL_BYTES:
            return Fault(f"seal {number} was changed while it was read", number)
        if seal_hash(head, labels) != head.hash or not is_orderly(head, labels):
            return Fault(f"seal {number} was changed: its hash is another", number)
        if any(hash_ != head.hash for hash_ in self._expected.get(number, ())):
            return Fault(
                f"seal {number} is not the one that its checkpoint was signed for: "
                "entries up to it were written anew",
                number,
            )
        expected = self._archived.expected(labels, head.first_id, head.last_id)
        difference = first_difference(expected, found)
        if difference is None:
            return None
        verb = "is" if difference.change == "missing" else "was"
        id_ = difference.id
        return Fault(f"entry {id_} {verb} {difference.change} (seal {number})", number, id_)

    async def _found(self, group: Sequence[Head]) -> Sequence[Labelled]:
        """Return the entries in the range of some seals, one more at most than there should be."""
        first = None if group[0].number == 1 else group[0].first_id
        where = (first, group[-1].last_id, sum(head.entries for head in group) + 1)
        try:
            rows = read(await self._database.fetch(_ENTRIES, *where))
        except (Failure, msgspec.ValidationError):
            ids = await self._database.fetch(_IDS, *where)
            return [await self._single(cast(int, row["id"])) for row in ids]
        return [(row.id, label(row)) for row in rows]

    async def _single(self, id_: int) -> Labelled:
        """Read one entry; one that no entry can be, such as with broken text, has no label."""
        try:
            rows = read(await self._database.fetch(_ONE, id_))
        except (Failure, msgspec.ValidationError):
            await self._database.fetch(_ALIVE)  # or it is the database that cannot be asked
            return id_, b""
        return id_, label(rows[0]) if rows else b""


def _added(id_: int, seal: int) -> Fault:
    return Fault(f"entry {id_} was added (seal {seal})", seal, id_)
