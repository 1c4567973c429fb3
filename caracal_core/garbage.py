"""The garbage collector looks through what comes and goes, and spares what stays.

By its own rule it looks through the whole program again and again: while it is imported, as often
as the memory has grown, and at its end. None of it is ever garbage.
"""

from __future__ import annotations

import gc

_THRESHOLDS = (50_000, 20, 50)
"""As `gc.set_threshold` takes them: how many objects more, and how many younger collections."""


def collect_rarely() -> None:
    """Have it look after tens of thousands of new objects instead of hundreds; call it first."""
    gc.set_threshold(*_THRESHOLDS)


def spare_what_stays() -> None:
    """Spare it all that is there now and lives as long as the process."""
    gc.collect()
    gc.freeze()


def collect_no_more() -> None:
    """Have it look at nothing that is there now: the process ends, and its memory with it."""
    gc.freeze()
