"""The revoked credentials, asked once in two seconds for each credential that is shown."""

from __future__ import annotations

from caracal_core.domain import Principal
from caracal_core.ports import Clock, Database
from caracal_core.recent import Recent
from caracal_core.storage.revocations import is_revoked

_Key = tuple[str, str | None, str, float | None]


class StoredRevocations:
    """Implements `Revocations` on the database, for every scheme.

    Args:
        database: where they are.
        clock: measures how old an answer is.
    """

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        # Revoked ones that are shown again and again must not crowd out the good.
        self._recent = Recent[_Key, bool](self._ask, lambda revoked: not revoked, clock)

    def known(self, principal: Principal) -> bool | None:
        """Return whether it is revoked where the database was asked in the last 2 seconds."""
        return self._recent.known(_key(principal))

    async def revoked(self, principal: Principal) -> bool:
        """Return whether what proved this principal is revoked, at most 2 seconds out of date.

        Raises:
            Failure: the database cannot be asked.
        """
        return await self._recent.get(_key(principal))

    async def _ask(self, key: _Key) -> bool:
        return await is_revoked(self._database, *key)


def _key(principal: Principal) -> _Key:
    return principal.scheme, principal.credential, principal.id, principal.issued_at
