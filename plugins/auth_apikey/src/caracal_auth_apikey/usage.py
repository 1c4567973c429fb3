"""What using keys leaves behind, written in batches and never while a request waits."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

from caracal_auth_apikey.store import Record, Rehash, rehash, touch
from caracal_core.ports import Database

WAITING_MAX = 10_000
"""Uses, and new hashes, that wait to be written; what comes when so many wait is not recorded."""

_SECONDS: Mapping[str, float] = MappingProxyType({"hour": 3600.0, "day": 86_400.0})


class Usage:
    """Collects when keys were last used, and hashes to be replaced.

    Args:
        precision: an hour's or a day's begin is recorded, or nothing.
    """

    def __init__(self, precision: Literal["off", "hour", "day"]) -> None:
        self._seconds = _SECONDS.get(precision)
        self._used: dict[str, float] = {}
        self._rehashes: dict[str, Rehash] = {}

    def note(self, id: str, record: Record) -> None:
        """Take note that a key was used, unless that is recorded already."""
        if self._seconds is None:
            return
        at = record.now // self._seconds * self._seconds
        if (record.last_used_at is None or record.last_used_at < at) and _has_room(self._used, id):
            self._used[id] = at

    def replace(self, change: Rehash) -> None:
        """Have a stored hash replaced."""
        if _has_room(self._rehashes, change.id):
            self._rehashes[change.id] = change

    async def write(self, database: Database) -> None:
        """Write everything that waits; what cannot be written now waits on. One call at a time.

        Raises:
            Failure: the database cannot be asked.
        """
        for at in sorted(set(self._used.values())):
            keys = [key for key, used_at in self._used.items() if used_at == at]
            await touch(database, keys, at)
            for key in keys:  # others may have come meanwhile, and later uses of the same
                if self._used[key] == at:
                    del self._used[key]
        for change in [*self._rehashes.values()]:
            await rehash(database, change)
            del self._rehashes[change.id]


def _has_room(waiting: Mapping[str, object], id: str) -> bool:
    return id in waiting or len(waiting) < WAITING_MAX
