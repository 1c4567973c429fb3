"""Lines for a descriptor whose reader may be slow: nobody waits, and memory is bounded."""

from __future__ import annotations

import logging
import os
import select
import threading
from collections import deque
from collections.abc import Callable

from caracal_core.domain.counted import counted

WAITING_BYTES = 8 * 2**20
"""How much may wait for a slow reader; lines past it are lost, and counted."""

LINGER_SECONDS = 0.02
"""How long the first line of a batch waits for others to share its write."""

Tell = Callable[[str], bytes]
"""Tells somebody that lines are lost, or makes a line of it for where they were to go."""

_log = logging.getLogger("caracal.line_writer")


def _logged(sentence: str) -> bytes:
    _log.error("%s", sentence)
    return b""


class LineWriter:
    """Writes what is waiting, whole batches at a time, from a thread of its own.

    A blocked reader blocks that thread alone: requests go on, and the process can end.

    Args:
        descriptor: where to write.
        waiting_bytes: how much may wait.
        tell: is told by the thread that lines are lost; the log unless given.
    """

    def __init__(
        self, descriptor: int, waiting_bytes: int = WAITING_BYTES, tell: Tell = _logged
    ) -> None:
        self._descriptor = descriptor
        self._waiting_bytes = waiting_bytes
        self._tell = tell
        self._lines: deque[bytes] = deque()
        self._some = threading.Event()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="lines", daemon=True)
        # Each of these is changed by one thread only: the first two by `put`'s.
        self._put_bytes = self._overflowed = 0
        self._taken_bytes = self._failed = self._told = 0
        self._torn = False

    @property
    def lost(self) -> int:
        """How many lines were not written."""
        return self._overflowed + self._failed

    def open(self) -> None:
        """Begin to write."""
        self._thread.start()

    def put(self, line: bytes) -> None:
        """Take a line, its end included, to be written soon; never waits."""
        if self._put_bytes - self._taken_bytes + len(line) > self._waiting_bytes:
            self._overflowed += 1
            return
        self._put_bytes += len(line)
        self._lines.append(line)
        if not self._some.is_set():
            self._some.set()

    def close(self, seconds: float) -> None:
        """Write what is waiting, for at most so long; to be called off the event loop."""
        self._closing.set()
        self._some.set()
        if self._thread.ident is not None:
            self._thread.join(seconds)

    def _run(self) -> None:
        while not self._closing.is_set():
            self._some.wait()
            self._some.clear()  # first: what is put, or closed, from here on sets it again
            self._closing.wait(LINGER_SECONDS)
            self._write_waiting()
        self._write_waiting()

    def _write_waiting(self) -> None:
        batch = [self._lines.popleft() for _ in range(len(self._lines))]
        if not batch:
            return
        data = b"".join(batch)
        try:
            self._write(b"\n" + data if self._torn else data)
            self._tell_lost()
        except OSError as error:
            if not self._failed:
                self._tell(f"lines are lost: they cannot be written ({error.strerror})")
            self._failed += len(batch)
        self._taken_bytes += len(data)

    def _tell_lost(self) -> None:
        """Say how many lines were lost before these, now that somebody reads again."""
        lost = self.lost - self._told
        if lost:
            self._told += lost
            self._write(self._tell(f"lost {counted(lost, 'line')}: nobody read in time"))

    def _write(self, data: bytes) -> None:
        """Write everything, though the descriptor may take it in pieces or not block.

        Raises:
            OSError: it cannot be written.
        """
        rest = memoryview(data)
        while rest:
            try:
                rest = rest[os.write(self._descriptor, rest) :]
                self._torn = True
            except BlockingIOError:
                select.select((), (self._descriptor,), ())
        self._torn = False
