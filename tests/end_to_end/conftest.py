"""A gateway in a process of its own, in front of an upstream of the test's own."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path

import aiohttp
import pytest
import yaml
from aiohttp import web

from caracal_core.builtin.ledger.budgets import set_budget
from caracal_core.builtin.ledger.charges import charges
from caracal_core.builtin.ledger.entries import query
from caracal_core.cli.demo.token import make_key, sign
from caracal_core.domain import Money
from caracal_core.storage.accounts import register
from caracal_core.storage.config import StorageConfig
from caracal_core.storage.database import open_database
from caracal_core.storage.migrate import up
from caracal_core.testing.fakes.origin import Origin

from .mounted import Mounted

CARACAL = str(Path(sys.executable).parent / "caracal")
AGENT, ISSUER, AUDIENCE = "agent-1", "https://idp.invalid", "caracal-test"
START_SECONDS = 60
WAIT_SECONDS = 60
LOOK_SECONDS = 0.02
ENVIRONMENT = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}


def _limited(open_files):
    """Return what starts a program that may open no more files than this."""
    return ["/bin/sh", "-c", f'ulimit -n {open_files} && exec "$0" "$@"'] if open_files else []


class Gateway:
    """One gateway: its configuration, its process, and what the command line says of it."""

    def __init__(self, preloaded, home, upstream, **settings):
        self._preloaded = preloaded
        self.home = home
        self.config = home / "caracal.yaml"
        self.environment = ENVIRONMENT | settings.pop("environment", {})
        # Code on a path of its own is not loaded yet; forked ones share the order of their sets.
        self._is_forked = not settings.pop("real", False) and "PYTHONPATH" not in self.environment
        self.stories = []
        self.url = self.operations = None
        self._process = self._reading = None
        self._log = (home / "log").open("ab")
        key = make_key(home / "jwt_public.pem")
        self.token = sign(key, AGENT, ISSUER, AUDIENCE)
        self.settings = self._settings(upstream, **settings)
        self.write()

    def _settings(self, upstream, *, settle=None, routes=None, upstream_keys=None, **others):
        def route(name, **more):
            fixed = {"id": name, "path": f"/{name}/", "strip_prefix": True, "upstream": "u"}
            return fixed | {"settle": settle or {}} | more

        database = {} if "DB_HOST" in self.environment else {"data_dir": str(self.home / "data")}
        return {
            "listen": "127.0.0.1:0",
            "operations": {"listen": "127.0.0.1:0"},
            "database": database,
            "auth_mode": "jwt",
            "auth_jwt": {
                "public_key_path": str(self.home / "jwt_public.pem"),
                "issuer": ISSUER,
                "audience": AUDIENCE,
            },
            "upstreams": {"u": {"url": upstream, "allow_private": True} | (upstream_keys or {})},
            "tariffs": {"flat": {"currency": "USD", "per_call": "0.25"}},
            "routes": [route("free"), route("paid", tariff="flat"), *(routes or [])],
            "policies": [
                {"id": "all", "effect": "permit", "agents": [AGENT], "routes": ["free", "paid"]}
            ],
        } | others

    def write(self):
        """Write the configuration as it stands in `settings`."""
        fresh = self.config.with_suffix(".new")
        fresh.write_text(yaml.safe_dump(self.settings))
        fresh.replace(self.config)

    def command(self, *words, open_files=None, program=CARACAL):
        """Return a run of the command line with this configuration."""
        words = [*words, "--config", str(self.config)]
        if self._is_forked and not open_files and program == CARACAL:
            return self._preloaded.run(words, Path.cwd(), self.environment)
        return subprocess.run(  # noqa: S603 - our own program
            [*_limited(open_files), program, *words],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=WAIT_SECONDS,
            check=False,
        )

    def caracal(self, *words):
        """Run the command line and return what it printed; it has to succeed."""
        done = self.command(*words)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def listed(self, *words):
        """Return a listing of the command line as values."""
        return json.loads(self.caracal(*words, "--json"))

    @property
    def storage(self):
        """The store's configuration, as the gateway reads it."""
        if "DB_HOST" not in self.environment:
            return StorageConfig(data_dir=self.home / "data")
        return StorageConfig(
            host=self.environment["DB_HOST"],
            port=int(self.environment["DB_PORT"]),
            name=self.environment["DB_NAME"],
            user=self.environment["DB_USER"],
            password=self.environment["DB_PASSWORD"],
        )

    async def entries(self):
        """Return the journal's entries, oldest first, as (kind, amount, cause)."""
        async with open_database(self.storage) as database:
            found = await query(database, limit=100_000)
        return [(each.kind, each.amount.decimal, each.cause) for each in reversed(found)]

    async def open_holds(self):
        """Return the charges that have not ended."""
        async with open_database(self.storage) as database:
            return await charges(database, state="pending", limit=100_000)

    async def fund(self, amount="1000"):
        """Migrate, register the agent, and give it a budget."""
        await up(self.storage)
        async with open_database(self.storage) as database:
            await register(database, AGENT)
            await set_budget(database, AGENT, Money.parse(amount, "USD"), "day")

    async def start(self, stderr=None, open_files=None):
        """Start the process and wait until it listens.

        It logs to a file unless elsewhere, and may open no more files than it is told.
        """
        words = ["serve", "--config", str(self.config)]
        error = self._log if stderr is None else stderr
        if self._is_forked and not open_files:
            self._process = await self._preloaded.serve(words, Path.cwd(), self.environment, error)
        else:
            self._process = await asyncio.create_subprocess_exec(
                *_limited(open_files),
                CARACAL,
                *words,
                env=self.environment,
                stdout=asyncio.subprocess.PIPE,
                stderr=error,
                limit=2**20,
            )
        async with asyncio.timeout(START_SECONDS):
            while True:
                line = await self._process.stdout.readline()
                assert line, f"it did not start:\n{self.log}"
                if json.loads(line).get("event") == "listening":
                    break
        said = json.loads(line)
        self.url, self.operations = said["gateway"], said["operations"]
        self._reading = asyncio.create_task(self._read())

    async def _read(self):
        async for line in self._process.stdout:
            if line.endswith(b"\n"):  # a killed process may leave half of one
                self.stories.append(json.loads(line))

    @property
    def port(self):
        return int(self.url.rpartition(":")[2])

    @property
    def pid(self):
        return self._process.pid

    @property
    def log(self):
        """What the process wrote to standard error so far."""
        return (self.home / "log").read_text()

    @property
    def resident_bytes(self):
        pages = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")

    @property
    def authorization(self):
        return {"Authorization": f"Bearer {self.token}"}

    def client(self, **settings):
        """Return a client session that shows the agent's credential."""
        return aiohttp.ClientSession(self.url, headers=self.authorization, **settings)

    async def operator_sees(self, path):
        """Return status and text of a page of the operations port."""
        async with (
            aiohttp.ClientSession() as session,
            session.get(self.operations + path) as reply,
        ):
            return reply.status, await reply.text()

    async def metric(self, name):
        """Return the value of a metric without labels."""
        _, text = await self.operator_sees("/metrics")
        (value,) = [line.split()[1] for line in text.splitlines() if line.startswith(f"{name} ")]
        return float(value)

    def signal(self, number):
        self._process.send_signal(number)

    def leave_output(self):
        """Close the end that standard output is read from."""
        self._process.leave_output()

    async def ended(self):
        """Wait until the process is gone and all it wrote was read; return its exit code."""
        async with asyncio.timeout(WAIT_SECONDS):
            code = await self._process.wait()
            if self._reading is not None:
                await self._reading
        return code

    async def stop(self):
        try:
            if self._process is not None:
                if self._process.returncode is None:
                    self.signal(signal.SIGTERM)
                await self.ended()
        finally:
            self._log.close()

    @asynccontextmanager
    async def connected(self):
        """A plain connection: give its reader and writer, and close it whatever its state."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            yield reader, writer
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    async def raw(self, data, *, until=10):
        """Send bytes and return what came back until the gateway closed, in so many seconds."""
        async with self.connected() as (reader, writer), asyncio.timeout(until):
            writer.write(data)
            return await reader.read()


class Patient:
    """An upstream that answers ``/now`` at once, and all else once the test releases it.

    Of ``/begun`` it sends the head and a first word before it waits.

    Attributes:
        arrived: how many requests came.
        waiting: how many wait to be released.
        release: set it to have those that wait answered.
    """

    def __init__(self):
        self.arrived = self.waiting = 0
        self.release = asyncio.Event()
        self.url = None

    async def answer(self, request):
        self.arrived += 1
        if request.path == "/now":
            return web.Response(text="done")
        if request.path == "/begun":
            reply = web.StreamResponse()
            await reply.prepare(request)
            await reply.write(b"be")
            await self._released()
            await reply.write(b"gun")
            return reply
        await self._released()
        return web.Response(text="done")

    async def _released(self):
        self.waiting += 1
        try:
            await self.release.wait()
        finally:
            self.waiting -= 1


@pytest.fixture
async def site():
    """Serve an upstream of the test's own; return its URL."""
    async with AsyncExitStack() as stack:

        async def serve(*routes):
            app = web.Application()
            app.add_routes(routes)
            runner = web.AppRunner(
                app, access_log=None, handler_cancellation=True, shutdown_timeout=1
            )
            await runner.setup()
            stack.push_async_callback(runner.cleanup)
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            return f"http://127.0.0.1:{runner.addresses[0][1]}"

        yield serve


@pytest.fixture
async def patient(site):
    """An upstream that waits for the test."""
    patient = Patient()
    patient.url = await site(web.route("*", "/{path}", patient.answer))
    yield patient
    patient.release.set()


@pytest.fixture
def mount(tmp_path):
    """Mount a ConfigMap or a Secret with these files."""
    return lambda **files: Mounted(tmp_path / "mounted", **files)


@pytest.fixture
def until():
    """Wait until something outside this process is so; fail where it takes too long."""

    async def wait(condition):
        async with asyncio.timeout(WAIT_SECONDS):
            while not await condition():  # noqa: ASYNC110 - no event comes from out there
                await asyncio.sleep(LOOK_SECONDS)

    return wait


@pytest.fixture
async def origin():
    """A scripted upstream."""
    async with Origin() as origin:
        yield origin


@pytest.fixture
async def gateway(tmp_path, preloaded):
    """Make, fund and start gateways; each is stopped at the end."""
    async with AsyncExitStack() as stack:

        async def make(upstream, *, budget="1000", start=True, home=tmp_path, **settings):
            made = Gateway(preloaded, home, upstream, **settings)
            stack.push_async_callback(made.stop)
            if budget:
                await made.fund(budget)
            if start:
                await made.start()
            return made

        yield make


@pytest.fixture(params=["sqlite", "postgresql"])
def environment(request):
    """Where the books are."""
    if request.param == "sqlite":
        return {}
    storage = request.getfixturevalue("storage_environment")
    return storage(request.getfixturevalue("postgres_config"))
