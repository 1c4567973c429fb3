"""The revoked credentials, asked once in two seconds for each credential that is shown."""

from __future__ import annotations

from collections.abc import Iterator

from caracal_core.domain import Principal
from caracal_core.ports import Clock, Database
from caracal_core.recent import Recent
from caracal_core.storage.revocations import is_revoked

_Key = tuple[str, str | None, str | None, float | None]


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
        if not principal.via:
            return self._recent.known(_own(principal))
        answers = [self._recent.known(key) for key in _keys(principal)]
        return None if None in answers else any(answers)

    async def revoked(self, principal: Principal) -> bool:
        """Return whether what proved this principal is revoked, at most 2 seconds out of date.

        All is asked before any answer counts: a wait does not tell which one it was.

        Raises:
            Failure: the database cannot be asked.
        """
        return any([await self._recent.get(key) for key in _keys(principal)])

    async def _ask(self, key: _Key) -> bool:
        return await is_revoked(self._database, *key)


def _keys(principal: Principal) -> Iterator[_Key]:
    """Give each question: who passes many agents' credentials on is asked about once for all."""
    yield _own(principal)
    for name in principal.via:
        yield name.scheme, name.id, None, None


def _own(principal: Principal) -> _Key:
    return principal.scheme, principal.credential, principal.id, principal.issued_at
