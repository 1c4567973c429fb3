"""What verifying has to know of months that were archived: whose rows are missing on purpose."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence

from caracal_core.builtin.ledger.sealing.archive_file import ArchiveReader
from caracal_core.builtin.ledger.sealing.archives import Archive, Run
from caracal_core.builtin.ledger.sealing.days import DAY_SECONDS, DaySum
from caracal_core.builtin.ledger.sealing.entry_form import LABEL_BYTES, label, labelled_id

Labelled = tuple[int, bytes]


class Archived:
    """Stands in for rows that were archived, along one walk over the seals.

    Args:
        records: of the months that were archived.
        files: what their rows are read from; a month without one is known by its record only.
    """

    def __init__(
        self, records: Sequence[Archive] = (), files: Sequence[ArchiveReader] = ()
    ) -> None:
        self._records = {record.month: record for record in records}
        self._files = files
        self._given = {str(file.month) for file in files}
        self._counted = dict.fromkeys(self._records, 0)
        owned = sorted((run, record.month) for record in records for run in record.runs)
        self._runs: Sequence[Run] = [run for run, _ in owned]
        self._owners = [month for _, month in owned]

    @property
    def unseen(self) -> Sequence[Archive]:
        """The records of the months of which no file is given."""
        return [each for month, each in self._records.items() if month not in self._given]

    def expected(self, labels: bytes, first_id: int, last_id: int) -> bytes:
        """Return which of a seal's labels have to have a row, here or in a file that is given.

        Args:
            labels: the seal's.
            first_id: the first id that it covers.
            last_id: the last one.
        """
        place = bisect_right(self._runs, (last_id, 2**63))
        if not place or self._runs[place - 1][1] < first_id:
            return labels
        starts = range(0, len(labels), LABEL_BYTES)
        return b"".join(
            each for each in (labels[at : at + LABEL_BYTES] for at in starts) if self._has_row(each)
        )

    def with_files(self, found: Sequence[Labelled], last_id: int) -> Sequence[Labelled]:
        """Return the rows that were found, with those that the files have up to an id.

        The files of months that are still here have the same rows once more.
        """
        filed = [(each.id, label(each)) for file in self._files for each in file.up_to(last_id)]
        if not filed:
            return found
        here = set(found)
        still = (each for each in filed if each not in here or self._owner(each[0]))
        return sorted([*found, *still])

    def hides(self, day: int) -> bool:
        """Return whether a day's entries were archived, and no file of them is given."""
        start = day * DAY_SECONDS
        return any(each.starts <= start < each.ends for each in self.unseen)

    def sums(self, day: int) -> Mapping[tuple[str, str, str], DaySum]:
        """Return what a day's archived entries come to, as far as their file was read."""
        for each in self._files:
            first, end = each.month.days
            if first <= day < end and str(each.month) in self._records:
                return dict(each.days.of(day))
        return {}

    def fault(self) -> str | None:
        """Say what is wrong with records and files after the walk; None where nothing is."""
        for file in self._files:
            if rest := file.up_to(2**63):
                return f"entry {rest[0].id} was added to the archive {file.month}"
        for month, count in self._counted.items():
            if count != self._records[month].entries:
                return f"the record of the archive {month} was changed: it counts other entries"
        return None

    def _has_row(self, label_: bytes) -> bool:
        owner = self._owner(labelled_id(label_))
        if owner is None:
            return True
        self._counted[owner] += 1
        return owner in self._given

    def _owner(self, id_: int) -> str | None:
        place = bisect_right(self._runs, (id_, 2**63)) - 1
        if place < 0 or self._runs[place][1] < id_:
            return None
        return self._owners[place]
