"""Files that are made new or not at all, private from their first moment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

PRIVATE, PUBLIC = 0o600, 0o644


def make_private_directory(path: Path) -> None:
    """Make a directory that only its owner may enter (0700); one that is there is left alone.

    Raises:
        OSError: it cannot be made, or is no directory.
    """
    path.mkdir(mode=0o700, parents=True, exist_ok=True)


def write_new(path: Path, content: bytes, mode: int) -> None:
    """Write a file that is not there yet; it never has more rights than these.

    Raises:
        FileExistsError: something is there, be it a link that leads nowhere.
        OSError: it cannot be written.
    """
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    with open(descriptor, "wb") as file:  # noqa: PTH123 - the descriptor is what is private
        file.write(content)


def there(directory: Path, names: Mapping[str, object]) -> list[str]:
    """Return which of these names something bears already."""
    return [name for name in names if os.path.lexists(directory / name)]
