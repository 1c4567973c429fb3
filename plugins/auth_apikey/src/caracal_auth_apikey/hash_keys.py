"""The hash keys in force: read at the start, and again whenever their file changes."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping

from caracal_core.domain import HashKey
from caracal_core.errors import Failure, Misconfigured


class KeyRing:
    """Hash keys that follow their file. A broken new file leaves the last good keys in force."""

    def __init__(self) -> None:
        self._keys: Mapping[str, HashKey] = {}
        self._first: HashKey | None = None
        self._fault = ""

    @property
    def first(self) -> HashKey:
        """The key that makes hashes.

        Raises:
            Failure: none was read yet.
        """
        if self._first is None:
            raise Failure("auth_apikey authenticator", "the hash keys were not read yet")
        return self._first

    @property
    def broken(self) -> bool:
        """Whether the file, as it was last seen, holds no usable keys."""
        return bool(self._fault)

    def get(self, id: str) -> HashKey | None:
        """Return the key of this id, if the file has it."""
        return self._keys.get(id)

    async def read(self, hash_keys: HashKeys) -> bool:
        """Read the file; return whether other keys, or another first one, are in force now.

        Raises:
            Misconfigured: the file holds no usable keys. Those in force stay.
        """
        keys = await asyncio.to_thread(hash_keys.read)
        before = [*self._keys]
        self._keys, self._first = {key.id: key for key in keys}, keys[0]
        return [*self._keys] != before

    async def look(self, hash_keys: HashKeys, log: logging.Logger) -> None:
        """Take up a changed file; tell once of each fault."""
        try:
            changed, fault = await self.read(hash_keys), ""
        except Misconfigured as error:
            changed, fault = False, str(error)
        except Exception as error:  # noqa: BLE001 - whoever follows must never stop following
            changed, fault = False, f"Reading the hash keys raised {type(error).__name__}."
        if changed:
            log.info("the hash keys %s are in force, the first makes hashes", ", ".join(self._keys))
        if fault and fault != self._fault:
            log.error("%s The last good keys stay in force.", fault)
        self._fault = fault
