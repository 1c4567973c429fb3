"""The slow chores of the books: partitions ahead of time, and what may be forgotten."""

from __future__ import annotations

import logging

from caracal_core.builtin.ledger.partitions import MOVED_BESIDE_CHARGES, has_strays, make_ahead
from caracal_core.builtin.ledger.purge import purge
from caracal_core.errors import Failure
from caracal_core.ports import Database, Metrics
from caracal_core.storage.errors import telling

PERIOD_SECONDS = 3600.0
MONTHS_AHEAD = 2


class Housekeeping:
    """Makes partitions ahead, warns of entries that had none, and purges.

    Args:
        database: where the books are.
        metrics: has the warnings.
        log: has them too.
    """

    def __init__(self, database: Database, metrics: Metrics, log: logging.Logger) -> None:
        self._database = database
        self._log = log
        self._strays = self._unmade = False
        metrics.gauge(
            "entries_unsorted",
            "1 while the journal's default partition has entries: a month's partition was missing.",
            lambda: float(self._strays),
        )
        metrics.gauge(
            "partitions_missing",
            "1 while the journal's partitions cannot be made ahead.",
            lambda: float(self._unmade),
        )
        self._purged = metrics.counter("purged", "Ended reservations that were forgotten.")

    async def keep(self) -> None:
        """Do all of it once.

        Raises:
            Failure: the store cannot be asked.
        """
        try:
            await make_ahead(self._database, MONTHS_AHEAD, most=MOVED_BESIDE_CHARGES)
            self._unmade = False
        except Failure as failure:
            self._unmade = True
            self._log.log(
                telling(failure),
                "the journal's partitions cannot be made ahead, so let `caracal ledger partitions` "
                "make them as the owner of the tables: %s",
                failure,
            )
        self._strays = await has_strays(self._database)
        if self._strays:
            self._log.warning(
                "the journal's default partition has entries of unmade months; `caracal ledger "
                "partitions` moves them, and charges wait meanwhile: 7 s for a million"
            )
        _, reservations = await purge(self._database)
        self._purged.add(reservations)
