"""The embedded store's directory: private, and served by one process at a time."""

from __future__ import annotations

import errno
import fcntl
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from caracal_core.errors import Misconfigured

KEY = "CARACAL_DATA_DIR"
DATABASE = "caracal.db"
SERVING = "serving.lock"


def database_file(data_dir: Path) -> Path:
    """Return the database's file, made empty and private (0600) where it is missing.

    One that is there is not opened: closing any descriptor of a file frees every POSIX lock that
    the process has on it, those of SQLite's connections among them. Another process would then
    take itself for the last one, and remove the log that this one goes on writing to.

    Raises:
        Misconfigured: the directory can neither be used nor made.
    """
    path = data_dir / DATABASE
    if not is_there(path):
        os.close(_open_private(path))
    return path


def check_usable(data_dir: Path) -> None:
    """Find out whether the directory can be used, or made; what is tried is removed again.

    Raises:
        Misconfigured: it can neither be used nor made.
    """
    path = data_dir / DATABASE
    with _worded(path):
        place = next(each for each in (data_dir, *data_dir.parents) if each.exists())
        with tempfile.TemporaryDirectory(prefix=".caracal-", dir=place):
            pass
        # Not opened, as above.
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
        if path.exists() and not os.access(path, os.R_OK | os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))


@contextmanager
def sole_server(data_dir: Path) -> Iterator[None]:
    """Be the one process that serves from this directory.

    Two gateways on one embedded store would each trust what they remember of it.

    Raises:
        Misconfigured: another process serves from it, or it cannot be used.
    """
    with file_lock(data_dir / SERVING) as take:
        if not take():
            raise Misconfigured(
                KEY,
                f"another gateway serves from {data_dir}",
                "Stop it, give this one its own directory, or use PostgreSQL (DB_HOST) for both.",
            )
        yield


@contextmanager
def file_lock(path: Path) -> Iterator[Callable[[], bool]]:
    """Give a function that takes a lock on the file if nobody has it; leaving frees it.

    The kernel frees it too when the process ends, however it ends.

    Raises:
        Misconfigured: the directory can neither be used nor made.
    """
    descriptor = _open_private(path)

    def take() -> bool:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    try:
        yield take
    finally:
        os.close(descriptor)


def make_private(path: Path, content: bytes) -> None:
    """Make a private file (0600) whole and durable, unless it is there.

    Of any number of processes that do so at once, one makes it; its content is everybody's.

    Raises:
        Misconfigured: the directory can neither be used nor made.
    """
    with _worded(path):
        if path.exists():
            return
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor, unfinished = tempfile.mkstemp(dir=path.parent, prefix=f"{path.name}.")
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(descriptor)
            with suppress(FileExistsError):
                os.link(unfinished, path)
        finally:
            Path(unfinished).unlink()
        _sync(path.parent)


def is_there(path: Path) -> bool:
    """Return whether a file of the directory exists.

    Raises:
        Misconfigured: the directory may not be looked into.
    """
    with _worded(path):
        return path.exists()


def _sync(directory: Path) -> None:
    """Make the names in a directory durable."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _open_private(path: Path) -> int:
    with _worded(path):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


@contextmanager
def _worded(path: Path) -> Iterator[None]:
    """Say in the house's words why a file cannot be used."""
    try:
        yield
    except OSError as error:
        raise Misconfigured(
            KEY,
            f"cannot use {path}: {error.strerror}",
            "Name a directory that this process may write to, or use PostgreSQL (DB_HOST).",
        ) from error
