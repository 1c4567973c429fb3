"""A file that bears its name only once it is whole and on the disk."""

from __future__ import annotations

import io
import os
from hashlib import file_digest
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import cast


class DraftFile:
    """A new, private file; what is left of one after a crash is called ``.caracal-*.partial``.

    Args:
        directory: where it is made.

    Attributes:
        file: for writing, and after `finish` for reading.
        sha256: of its content, in hexadecimal digits, after `finish`.

    Raises:
        OSError: it cannot be made.
    """

    def __init__(self, directory: Path) -> None:
        made = NamedTemporaryFile(  # noqa: SIM115 - it outlasts this
            "w+b", dir=directory, prefix=".caracal-", suffix=".partial", delete=False
        )
        self.file = cast(io.BufferedRandom, made)
        self.sha256 = ""
        self._path = Path(made.name)

    def finish(self) -> None:
        """See that it is on the disk, and turn to its beginning.

        Raises:
            OSError: it cannot be written.
        """
        self.file.flush()
        os.fsync(self.file.fileno())
        self.file.seek(0)
        self.sha256 = file_digest(self.file, "sha256").hexdigest()
        self.file.seek(0)

    def publish(self, name: str) -> None:
        """Give it its name, for good.

        Raises:
            OSError: it cannot be named.
        """
        directory = self._path.parent
        self._path = self._path.replace(directory / name)
        descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def discard(self) -> None:
        """Remove it, unless it bears its name."""
        self.file.close()
        if self._path.suffix == ".partial":
            self._path.unlink(missing_ok=True)
