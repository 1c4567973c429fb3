"""The hash keys in force: those of the deployment's file, as it was last read."""

from __future__ import annotations

from collections.abc import Mapping

from caracal_core.domain import HashKey
from caracal_core.errors import Failure
from caracal_core.own_thread import in_own_thread
from caracal_core.ports import HashKeys


class KeyRing:
    """Hash keys by their ids, and the first one, which makes hashes."""

    def __init__(self) -> None:
        self._keys: Mapping[str, HashKey] = {}
        self._first: HashKey | None = None

    @property
    def first(self) -> HashKey:
        """The key that makes hashes.

        Raises:
            Failure: none was read yet.
        """
        if self._first is None:
            raise Failure("auth_apikey authenticator", "the hash keys were not read yet")
        return self._first

    def get(self, id: str) -> HashKey | None:
        """Return the key of this id, if the file has it."""
        return self._keys.get(id)

    def take(self, keys: tuple[HashKey, ...]) -> bool:
        """Put these keys in force; return whether they, or the first one, are others."""
        before = [*self._keys]
        self._keys, self._first = {key.id: key for key in keys}, keys[0]
        return [*self._keys] != before


class RingReader:
    """Reads the file into a ring; `caracal_core.ports.FileReader`.

    Args:
        ring: gets the keys.
        hash_keys: reads the file.
    """

    def __init__(self, ring: KeyRing, hash_keys: HashKeys) -> None:
        self._ring, self._hash_keys = ring, hash_keys

    async def read(self) -> bool:
        """Read the file; return whether other keys are in force now.

        Raises:
            Misconfigured: the file holds no usable keys. Those in force stay.
        """
        keys = await in_own_thread(self._hash_keys.read, "CARACAL_HASH_KEY_FILE")
        return self._ring.take(tuple(keys))
