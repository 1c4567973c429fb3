"""Shared fixtures: real databases, a fresh schema for each test, and distributions made up."""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import logging
import shutil
import subprocess
import sys
import sysconfig
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from venv import EnvBuilder

import pytest

from caracal_core.garbage import collect_rarely, spare_what_stays
from caracal_core.storage.config import StorageConfig
from caracal_core.storage.database import open_database
from caracal_core.storage.migrate import up

from .own_postgresql import ROLE, Postgresql, own_postgresql
from .preloaded.program import Preloaded

TEMPLATE = "caracal_template"
PLUGIN = '''
from caracal_core.plugin import Config, Plugin, hookimpl, setting


class {name}Config(Config):
    """A made-up section."""

    depth: int = setting(3, env="{env}_DEPTH", description="How deep.", ge=1)


class ThePlugin(Plugin[{name}Config]):
    """A made-up plugin."""

    Config = {name}Config

    @hookimpl
    def observers(self, services):
        return ()
'''
METADATA = "Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"


collect_rarely()

LONG = ("end_to_end", "test_wheels.py")
"""What takes seconds: whole programs are started and stopped."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Have each worker begin with its share of what takes long, lest one has it left at the end."""
    workers = getattr(config, "workerinput", {}).get("workercount", 1)
    long = [item for item in items if not set(LONG).isdisjoint(item.path.parts)]
    short = [item for item in items if set(LONG).isdisjoint(item.path.parts)]
    if workers > 1:
        items[:] = itertools.chain.from_iterable(
            part[len(part) * number // workers : len(part) * (number + 1) // workers]
            for number in range(workers)
            for part in (long, short)
        )


def pytest_collection_finish() -> None:
    """Spare the collector ten thousand tests."""
    spare_what_stays()


def _migrate(config: StorageConfig) -> None:
    # In a thread of its own, for there may be an event loop in this one.
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, up(config)).result()


@pytest.fixture
def loop(loop):
    """The test's event loop, ended as `asyncio.run` does: nothing is left to the garbage's time."""
    yield loop
    left = [task for task in asyncio.all_tasks(loop) if task.cancel()]
    if left:
        loop.run_until_complete(asyncio.wait(left))
    loop.run_until_complete(loop.shutdown_asyncgens())


@pytest.fixture(scope="session")
def preloaded() -> Iterator[Preloaded]:
    """The program, loaded once."""
    preloaded = Preloaded()
    yield preloaded
    preloaded.close()


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Postgresql]:
    """The server that tests share; they must not stop it."""
    with own_postgresql() as server:
        yield server


@pytest.fixture
def mortal_postgresql() -> Iterator[Postgresql]:
    """A server of the test's own, to be killed and started again."""
    with own_postgresql() as server:
        yield server


@pytest.fixture(scope="session")
def _postgresql_template(postgresql: Postgresql) -> str:
    postgresql.sql(f"CREATE DATABASE {TEMPLATE} OWNER {ROLE}")
    _migrate(postgresql.config(TEMPLATE))
    return TEMPLATE


@pytest.fixture(scope="session")
def _sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    config = StorageConfig(data_dir=tmp_path_factory.mktemp("template"))
    _migrate(config)
    return config.data_dir


@pytest.fixture
def postgres_config(postgresql: Postgresql, _postgresql_template: str) -> Iterator[StorageConfig]:
    """A fresh, migrated PostgreSQL database."""
    with postgresql.database(_postgresql_template) as config:
        yield config


@pytest.fixture
def sqlite_config(_sqlite_template: Path, tmp_path: Path) -> StorageConfig:
    """A fresh, migrated embedded store."""
    data_dir = tmp_path / "data"
    shutil.copytree(_sqlite_template, data_dir)
    return StorageConfig(data_dir=data_dir, pool_timeout=20)


@pytest.fixture(params=["sqlite", "postgresql"])
def blank_config(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[StorageConfig]:
    """A store without any table; the test runs once on each."""
    if request.param == "sqlite":
        yield StorageConfig(data_dir=tmp_path / "blank")
        return
    with request.getfixturevalue("postgresql").database() as config:
        yield config


@pytest.fixture(params=["sqlite", "postgresql"])
def storage_config(request: pytest.FixtureRequest) -> StorageConfig:
    """A fresh, migrated store; the test runs once on each."""
    name = "sqlite_config" if request.param == "sqlite" else "postgres_config"
    return request.getfixturevalue(name)


@pytest.fixture
async def database(storage_config: StorageConfig):
    """An open, fresh, migrated store; the test runs once on each."""
    async with open_database(storage_config) as opened:
        yield opened


@pytest.fixture
def storage_environment() -> Callable[[StorageConfig], Mapping[str, str]]:
    """Say a configuration as the environment variables of a process."""

    def environment(config: StorageConfig) -> Mapping[str, str]:
        if config.embedded:
            return {"CARACAL_DATA_DIR": str(config.data_dir)}
        return {
            "DB_HOST": config.host,
            "DB_PORT": str(config.port),
            "DB_NAME": config.name,
            "DB_USER": config.user,
            "DB_PASSWORD": config.password.get_secret_value(),
            "DB_POOL_SIZE": str(config.pool_size),
            "DB_MAX_OVERFLOW": str(config.max_overflow),
        }

    return environment


@pytest.fixture(scope="session")
def build_wheel(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path], Path]:
    """Build a source tree's wheel with the running environment's back end, offline, once."""

    @cache
    def build(source: Path) -> Path:
        directory = tmp_path_factory.mktemp("wheel")
        command = ["-m", "build", "--wheel", "--no-isolation", "--outdir", directory, source]
        _python(*command, cwd=directory)
        (wheel,) = directory.iterdir()
        return wheel

    return build


@pytest.fixture(scope="session")
def install_afresh(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Install wheels into a fresh environment and return its ``bin`` directory.

    Behind its own packages it sees the running environment's, so that nothing is downloaded.
    """

    def install(*wheels: Path) -> Path:
        root = tmp_path_factory.mktemp("environment")
        EnvBuilder(symlinks=True).create(root)
        command = ["--no-index", "--no-deps", "--disable-pip-version-check", "--quiet"]
        _python("-m", "pip", "--python", root, "install", *command, *wheels, cwd=root)
        (packages,) = root.glob("lib/python*/site-packages")
        (packages / "running.pth").write_text(f"{_others(root / 'others')}\n")
        return root / "bin"

    return install


def _others(directory: Path) -> Path:
    """Make a directory with all that is installed here but the tree's own distributions."""
    directory.mkdir()
    for each in Path(sysconfig.get_path("purelib")).iterdir():
        if not each.name.startswith(("caracal", "_editable", "__editable")):
            (directory / each.name).symlink_to(each)
    return directory


def _python(*arguments: str | Path, cwd: Path) -> None:
    command = [sys.executable, *arguments]
    subprocess.run(command, cwd=cwd, check=True, timeout=120, stdout=subprocess.DEVNULL)  # noqa: S603 - our own tools


class Packages:
    """Installs made-up distributions into a directory on the path."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def add(
        self,
        name: str,
        *,
        code: str | None = None,
        distribution: str | None = None,
        version: str = "1.0.0",
        attribute: str = "ThePlugin",
        extra: dict[str, str] | None = None,
    ) -> Path:
        """Install a distribution that offers a plugin; return the path of its module."""
        distribution = distribution or name.replace("_", "-")
        module = f"{distribution.replace('-', '_')}_module"
        source = PLUGIN.format(name=name.title().replace("_", ""), env=name.upper())
        info = f"{distribution.replace('-', '_')}-{version}.dist-info"
        files = {
            f"{module}.py": source if code is None else code,
            f"{info}/METADATA": METADATA.format(name=distribution, version=version),
            f"{info}/entry_points.txt": f"[caracal.plugins]\n{name} = {module}:{attribute}\n",
            **{f"{info}/{key}": value for key, value in (extra or {}).items()},
        }
        for path, text in files.items():
            (self.directory / path).parent.mkdir(exist_ok=True)
            (self.directory / path).write_text(text)
        record = [f"{path},{_digest(text)},{len(text)}" for path, text in files.items()]
        (self.directory / info / "RECORD").write_text("\n".join([*record, f"{info}/RECORD,,", ""]))
        return self.directory / f"{module}.py"


def _digest(text: str) -> str:
    digest = urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return f"sha256={digest.rstrip('=')}"


@pytest.fixture
def packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Packages]:
    """An empty directory on the path, into which a test installs what it needs."""
    directory = tmp_path / "site"
    directory.mkdir()
    monkeypatch.syspath_prepend(directory)
    monkeypatch.setattr(sys, "meta_path", sys.meta_path[:])  # a pinned plugin's finder stays
    before = set(sys.modules)
    yield Packages(directory)
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", "")).startswith(str(directory)):
            del sys.modules[name]


@pytest.fixture(autouse=True)
def _logging_as_it_was() -> Iterator[None]:
    """Take back what a test, or a command it ran in this process, made of the loggers."""
    root, ours = logging.getLogger(), logging.getLogger("caracal")
    before = root.handlers[:], root.level, ours.level, logging.raiseExceptions
    yield
    root.handlers[:], level, own_level, logging.raiseExceptions = before
    root.setLevel(level)
    ours.setLevel(own_level)
    logging.captureWarnings(capture=False)


@pytest.fixture(scope="session")
def told_by_tls():
    """Tell from a client's error what ended its connection: an alert, or nothing but the end."""

    def told_by_tls(error):
        reason = None
        while error is not None:
            reason = getattr(error, "reason", None) or reason
            error = error.__cause__ or getattr(error, "os_error", None) or error.__context__
        return "TLS alert" if "ALERT" in str(reason) else f"ended without an alert ({reason})"

    return told_by_tls
