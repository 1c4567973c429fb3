"""A file with an issuer's keys: read at the start, and again whenever it changes."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

from caracal_auth_jwt.key_set import KeySet
from caracal_auth_jwt.key_source import Tools
from caracal_auth_jwt.keys import Unfit
from caracal_core.errors import Failure, Misconfigured
from caracal_core.following import Follower
from caracal_core.own_thread import in_own_thread
from caracal_core.ports import Counter, Metrics

POLL_SECONDS = 2.0
"""How often the file is looked at. Its content is compared, not its time: mounted secrets are
swapped by symlink, and two versions may bear the same time and size."""

BYTES_MAX = 262_144
"""The largest file that is read; what is in it may have a limit of its own."""


class KeyFile:
    """Keys that follow their file. A broken new file leaves the last good ones in force.

    Implements `KeySource`, and `FileReader` for the house.

    Args:
        path: the file.
        where: the setting that names it.
        load: reads keys out of its content; raises `Unfit`.
    """

    def __init__(self, path: Path, where: str, load: Callable[[bytes], KeySet]) -> None:
        self._path, self._where, self._load = path, where, load
        self._keys: KeySet | None = None
        self._content = b""
        self._log: logging.Logger | None = None
        self._follower: Follower | None = None

    @property
    def broken(self) -> bool:
        return self._follower is not None and self._follower.broken

    @property
    def was_ready(self) -> bool:
        return self._keys is not None

    def current(self) -> KeySet:
        if self._keys is None:
            raise Failure("auth_jwt authenticator", "the key file was not read yet")
        return self._keys

    async def renewed(self) -> bool:
        """Return False: it is looked at often enough."""
        return False

    async def read(self) -> bool:
        """Read the file; return whether other keys are in force now.

        Raises:
            Misconfigured: it cannot be read or holds no usable key. The keys in force stay.
        """
        try:
            content = await in_own_thread(self._read, self._path)
        except OSError as error:
            what = f"{self._path} cannot be read ({error.strerror or type(error).__name__})"
            raise Misconfigured(self._where, what, "Mount the issuer's key there.") from None
        if content == self._content:
            return False
        try:
            self._keys = self._load(content)
        except Unfit as unfit:
            raise Misconfigured(self._where, f"{self._path} {unfit.what}", unfit.mend) from None
        self._content = content
        self._tell_refused(self._keys)
        return True

    async def open(self, tools: Tools) -> None:
        self._follower = Follower(
            f"key in {self._path}",
            self,
            tools.log,
            _changes(tools.metrics, "taken_up"),
            _changes(tools.metrics, "refused"),
            POLL_SECONDS,
        )
        await self.read()
        self._log = tools.log
        self._tell_refused(self.current())

    async def follow(self) -> None:
        assert self._follower is not None  # noqa: S101 - it was opened
        await self._follower.run()

    async def close(self) -> None:
        """Do nothing: nothing is open."""

    def _tell_refused(self, keys: KeySet) -> None:
        """Name the keys that were left out, once there is somebody to tell."""
        for sentence in keys.refused:
            if self._log is not None:
                self._log.warning("%s: %s", self._path, sentence)

    def _read(self) -> bytes:
        with self._path.open("rb") as file:
            return file.read(BYTES_MAX + 1)


def _changes(metrics: Metrics, result: str) -> Counter:
    return metrics.counter("key_changes", "Changes seen in the key files.", result=result)
