"""The file with the pinned key: read at the start, and again whenever it changes."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

from caracal_auth_jwt import pem
from caracal_auth_jwt.keys import Unfit, VerifyingKey
from caracal_core.errors import Failure, Misconfigured
from caracal_core.ports import Counter, Metrics

POLL_SECONDS = 2.0
"""How often the file is looked at. Its content is compared, not its time: mounted secrets are
swapped by symlink, and two versions may bear the same time and size."""

_WHERE = "auth_jwt.public_key_path (JWT_PUBLIC_KEY_PATH)"


class KeyFile:
    """A key that follows its file. A broken new file leaves the last good key in force.

    Args:
        path: the file.
        algorithm: the algorithm that the key has to fit.
    """

    def __init__(self, path: Path, algorithm: str) -> None:
        self._path, self._algorithm = path, algorithm
        self._key: VerifyingKey | None = None
        self._content = b""
        self._fault = ""

    @property
    def key(self) -> VerifyingKey:
        """The key in force.

        Raises:
            Failure: none was read yet.
        """
        if self._key is None:
            raise Failure("auth_jwt authenticator", "the key file was not read yet")
        return self._key

    @property
    def broken(self) -> bool:
        """Whether the file, as it was last seen, holds no usable key."""
        return bool(self._fault)

    async def read(self) -> bool:
        """Read the file; return whether another key is in force now.

        Raises:
            Misconfigured: it cannot be read or holds no usable key. The key in force stays.
        """
        try:
            content = await asyncio.to_thread(self._read)
        except OSError as error:
            what = f"{self._path} cannot be read ({error.strerror or type(error).__name__})"
            raise Misconfigured(_WHERE, what, "Mount the issuer's public key there.") from None
        if content == self._content:
            return False
        try:
            self._key = pem.load(content, self._algorithm)
        except Unfit as unfit:
            raise Misconfigured(_WHERE, f"{self._path} {unfit.what}", unfit.mend) from None
        self._content = content
        return True

    async def follow(self, log: logging.Logger, metrics: Metrics) -> None:
        """Look at the file every `POLL_SECONDS`, for ever."""
        for result in ("taken_up", "refused"):
            _changes(metrics, result)  # published as 0 from the start, so that alerts can rise
        while True:
            await asyncio.sleep(POLL_SECONDS)
            await self.look(log, metrics)

    async def look(self, log: logging.Logger, metrics: Metrics) -> None:
        """Take up a changed file; tell once of each fault, and go on with the last good key."""
        try:
            changed, fault = await self.read(), ""
        except Misconfigured as error:
            changed, fault = False, str(error)
        except Exception as error:  # noqa: BLE001 - whoever follows must never stop following
            changed, fault = False, f"Reading {self._path} raised {type(error).__name__}."
        if changed:
            _changes(metrics, "taken_up").add()
            log.info("the key in %s was taken up", self._path)
        if fault and fault != self._fault:
            _changes(metrics, "refused").add()
            log.error("%s The last good key stays in force.", fault)
        self._fault = fault

    def _read(self) -> bytes:
        with self._path.open("rb") as file:
            return file.read(pem.BYTES_MAX + 1)


def _changes(metrics: Metrics, result: str) -> Counter:
    return metrics.counter("key_changes", "Changes seen in the key file.", result=result)
