"""Reading mounted files, which Kubernetes swaps under the reader's hands."""

from __future__ import annotations

import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from caracal_core.errors import Misconfigured

_FILE_BYTES_MAX = 1 << 20
_SETTING_BYTES_MAX = 1 << 16
_SETTINGS_MAX = 1000
_ATTEMPTS = 10


def read_file(path: Path, *, required: bool) -> bytes | None:
    """Read a configuration file; None where it does not exist and need not.

    Raises:
        Misconfigured: it does not exist, cannot be read, or is larger than 1 MiB.
    """
    try:
        return _content(path, _FILE_BYTES_MAX)
    except FileNotFoundError:
        if required:
            raise _missing(path) from None
        return None


def read_settings(directory: Path, *, required: bool) -> Mapping[str, str]:
    """Read a settings directory: each file is a key, its text without the last newline a value.

    Hidden files and directories are passed over. A directory that does not exist and need not
    is empty.

    Raises:
        Misconfigured: it does not exist, cannot be read, holds more than 1000 files or one that
            is no UTF-8 text of at most 64 KiB.
    """
    if not _exists(directory):
        if required:
            raise _missing(directory)
        return {}
    for _ in range(_ATTEMPTS):
        try:
            return _settings(directory)
        except FileNotFoundError:
            continue  # the mounted directory was swapped while it was read
    raise Misconfigured(str(directory), "changes while it is read", "Wait until it stands still.")


def _settings(directory: Path) -> Mapping[str, str]:
    """Read the directory once.

    A mounted ConfigMap is a directory of links through ``..data``, which moves as a whole, and
    what it pointed at is removed afterwards: a state is whole if it still points there when
    the reading ends.

    Raises:
        FileNotFoundError: it was swapped meanwhile.
    """
    moving = directory / "..data"
    state = moving.resolve() if _exists(moving) else directory
    settings = {path.name: _text(path) for path in _files(state)}
    if state != directory and state != moving.resolve():
        raise FileNotFoundError
    return settings


def _files(directory: Path) -> list[Path]:
    with _readable(directory):
        files = sorted(path for path in directory.iterdir() if not path.name.startswith("."))
        files = [path for path in files if not path.is_dir()]
    if len(files) > _SETTINGS_MAX:
        raise Misconfigured(str(directory), f"has more than {_SETTINGS_MAX} files", "Remove some.")
    return files


def _text(path: Path) -> str:
    try:
        text = _content(path, _SETTING_BYTES_MAX).decode()
    except UnicodeDecodeError:
        raise Misconfigured(str(path), "is not UTF-8", "Save it as UTF-8.") from None
    return text.removesuffix("\n").removesuffix("\r")


def _content(path: Path, limit: int) -> bytes:
    with _readable(path):
        if not stat.S_ISREG(path.stat().st_mode):
            raise Misconfigured(str(path), "is not a file", "Put a file there.")
        with path.open("rb") as file:
            content = file.read(limit + 1)
    if len(content) > limit:
        raise Misconfigured(str(path), f"is larger than {limit:,} bytes", "Write less.")
    return content


def _exists(path: Path) -> bool:
    with _readable(path):
        return path.exists()


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    """Word what the system says when something is there and cannot be read."""
    try:
        yield
    except FileNotFoundError:
        raise
    except OSError as error:
        reason = (error.strerror or type(error).__name__).lower()
        raise Misconfigured(
            str(path), f"cannot be read: {reason}", "Give this process the right to read it."
        ) from None


def _missing(path: Path) -> Misconfigured:
    return Misconfigured(str(path), "does not exist", "Create it, or name another one.")
