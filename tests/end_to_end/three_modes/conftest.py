"""All three modes together: what the product's own commands make, and clients that show it."""

import asyncio
import base64
import json
import ssl
import subprocess
import sys
from pathlib import Path
from secrets import token_hex

import aiohttp
import pytest
from msgspec import Struct

from caracal_auth_apikey.key_text import parse

CARACAL = str(Path(sys.executable).parent / "caracal")
ISSUER = "https://idp.example"
PERMIT_ALL = {"id": "all", "effect": "permit", "agents": ["*"], "routes": ["*"]}
CERTIFIED = ("anna", "ben", "off", "ghost")
"""Agents with certificates; nobody ever registers the last one."""


@pytest.fixture(scope="session")
def certs(tmp_path_factory):
    """What one run of `caracal certs init` makes; read only."""
    directory = tmp_path_factory.mktemp("deployment") / "certs"
    init(directory, *CERTIFIED)
    return directory


@pytest.fixture(scope="session")
def foreign_certs(tmp_path_factory):
    """What a run of it makes that the gateway knows nothing of."""
    directory = tmp_path_factory.mktemp("foreign") / "certs"
    init(directory, "anna")
    return directory


def init(directory, *agents):
    named = [word for agent in agents for word in ("--agent", agent)]
    subprocess.run(  # noqa: S603 - our own program
        [CARACAL, "certs", "init", str(directory), *named],
        check=True,
        capture_output=True,
        timeout=60,
    )


class Agent(Struct, frozen=True):
    """What an agent was given.

    Attributes:
        name: its name.
        token: what `caracal token mint` printed for it.
        key: what `caracal keys issue` printed for it; empty where none was issued.
    """

    name: str
    token: str
    key: str = ""

    @property
    def bearer(self):
        return {"Authorization": f"Bearer {self.token}"}

    @property
    def api_key(self):
        return {"X-API-Key": self.key}

    @property
    def key_id(self):
        return parse(self.key).id

    @property
    def token_name(self):
        """The token's public name: its issuer and its jti."""
        part = self.token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
        return f"{claims['iss']} {claims['jti']}"


def certificate_name(certs, name):
    """Return the public name of an agent's certificate."""
    file = str(certs / f"agent-{name}.crt")
    done = subprocess.run(  # noqa: S603 - our own program
        [CARACAL, "certs", "show", file, "--json"], check=True, capture_output=True, timeout=60
    )
    (shown,) = json.loads(done.stdout)
    return shown["credential"]


@pytest.fixture
def certificate_name_of(certs):
    return lambda name: certificate_name(certs, name)


@pytest.fixture
def on_postgresql(postgres_config, storage_environment, tmp_path):
    """The environment of gateways and commands on one PostgreSQL, with its hash key."""
    (tmp_path / "hash.key").write_text(token_hex(32))
    environment = storage_environment(postgres_config)
    return {**environment, "CARACAL_HASH_KEY_FILE": str(tmp_path / "hash.key")}


@pytest.fixture
def settings(certs):
    """The configuration that the files of `caracal certs init` go with."""
    files = {"cert_file": "server.crt", "key_file": "server.key", "ca_file": "ca.crt"}
    return {
        "auth_mode": "mtls,jwt,api_key",
        "auth_jwt": {
            "public_key_path": str(certs / "jwt_public.pem"),
            "issuer": ISSUER,
            "audience": "caracal",
            "leeway_seconds": 0,
        },
        "tls": {key: str(certs / name) for key, name in files.items()} | {"watch_seconds": 0.05},
        "policies": [PERMIT_ALL],
        "log_level": "DEBUG",
    }


@pytest.fixture
def deploy(gateway, origin, settings, on_postgresql, tmp_path):
    """Start a gateway on HTTPS; all of one test share a database."""

    async def deploy(name="one", *, environment=on_postgresql, **others):
        home = tmp_path / name
        home.mkdir()
        one = await gateway(
            origin.url,
            budget=None,
            home=home,
            start=False,
            environment=dict(environment),
            **settings | others,
        )
        await asyncio.to_thread(one.caracal, "db", "migrate", "up")
        await one.start()
        assert one.url.startswith("https://")
        return one

    return deploy


@pytest.fixture
def enrol(certs):
    """Register agents by the command line; give each a token, and these (or all) a key."""

    async def enrol(one, *names, keys=None):
        with_keys = names if keys is None else keys

        async def words(*said):
            return (await asyncio.to_thread(one.caracal, *said)).strip()

        async def one_of_them(name):
            await words("agents", "register", name)
            private = str(certs / "jwt_private.pem")
            token = await words("token", "mint", name, "--key", private)
            key = await words("keys", "issue", name) if name in with_keys else ""
            return Agent(name, token, key)

        return await asyncio.gather(*map(one_of_them, names))

    return enrol


class Line:
    """One kept connection to a gateway, on which the client verifies it.

    Attributes:
        opened: how many connections it needed so far.
    """

    def __init__(self, one, context, told_by_tls):
        self.opened = 0
        self._told_by_tls = told_by_tls
        tracing = aiohttp.TraceConfig()
        tracing.on_connection_create_end.append(self._count)
        self._session = aiohttp.ClientSession(
            one.url,
            connector=aiohttp.TCPConnector(limit=1, ssl=context),
            trace_configs=[tracing],
        )

    async def _count(self, *_):
        self.opened += 1

    async def __aenter__(self):
        return self

    async def __aexit__(self, *_):
        await self._session.close()

    async def ask(self, headers=None, path="/free/x"):
        """Return the status of one call, or that TLS refused the connection."""
        return (await self.reply(headers, path))[0]

    async def reply(self, headers=None, path="/free/x"):
        """Return status, header fields and body of one call."""
        try:
            async with self._session.get(path, headers=headers) as reply:
                return reply.status, reply.headers, await reply.text()
        except (aiohttp.ClientError, ssl.SSLError, ConnectionError) as error:
            return self._told_by_tls(error), {}, ""


@pytest.fixture
def line(certs, told_by_tls):
    """Make a connection that shows the certificate of this agent, or none."""

    def line(one, agent=None, *, of=certs):
        context = ssl.create_default_context(cafile=certs / "ca.crt")
        if agent is not None:
            context.load_cert_chain(of / f"agent-{agent}.crt", of / f"agent-{agent}.key")
        return Line(one, context, told_by_tls)

    return line
