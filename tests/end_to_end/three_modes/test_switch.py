"""AUTH_MODE changes on a running HTTPS gateway; the plan had named whom that breaks."""

import asyncio
import json
import logging
import time

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from caracal_core.storage import sightings
from caracal_core.storage.database import open_database
from caracal_core.testing.fakes import FakeAuthority

REQUESTS_MAX = 20_000
_log = logging.getLogger(__name__)
SECRET = ("server.crt", "server.key", "ca.crt")


@pytest.fixture
def mounts(mount, tmp_path, certs):
    """The mounted ConfigMap and Secret: AUTH_MODE=jwt, and no authority of agents yet."""
    settings = mount(AUTH_MODE="jwt")
    files = {name: (certs / name).read_bytes() for name in SECRET}
    pair = {name: files[name] for name in SECRET[:2]}
    secret = type(settings)(tmp_path / "secret", **pair)
    return settings, secret, files


@pytest.fixture
async def house(deploy, mounts, on_postgresql):
    """A gateway that is configured by the mounts."""
    settings, secret, _ = mounts
    places = {"cert_file": "server.crt", "key_file": "server.key", "ca_file": "ca.crt"}
    tls = {key: str(secret.path(name)) for key, name in places.items()} | {"watch_seconds": 0.05}
    environment = {**on_postgresql, "CARACAL_SETTINGS_DIR": str(settings.directory)}
    return await deploy(tls=tls, environment=environment)


@pytest.fixture
def nameless(certs, tmp_path):
    """A directory with a certificate of the right authority that names no agent."""
    key = load_pem_private_key((certs / "ca.key").read_bytes(), None)
    authority = FakeAuthority("Caracal authority", now=time.time(), key=key)
    made = authority.issue(cn="anna")
    (tmp_path / "agent-nameless.crt").write_bytes(made.pem)
    (tmp_path / "agent-nameless.key").write_bytes(made.key_pem)
    return tmp_path


@pytest.fixture
def switched(mounts, until):
    """Change the ConfigMap, and wait until that is in effect."""

    async def switched(one, **settings):
        mounts[0].swap(**settings)
        expected = {key.lower(): value.split(",") for key, value in settings.items()}

        async def in_effect():
            _, text = await one.operator_sees("/-/config")
            shown = {each["key"]: each["value"] for each in json.loads(text)["settings"]}
            return all(shown[key] == value for key, value in expected.items())

        await until(in_effect)

    return switched


class Load:
    """Calls of an agent, one after the other, that have to be let in every time."""

    def __init__(self, connect, headers):
        self._connect, self._headers = connect, headers
        self._over = asyncio.Event()
        self.seen = []

    async def __aenter__(self):
        self._tasks = [asyncio.create_task(each()) for each in (self._kept, self._fresh)]
        return self

    async def __aexit__(self, *_):
        self._over.set()
        await asyncio.gather(*self._tasks)
        assert set(self.seen) == {200}

    @property
    def _goes_on(self):
        return not self._over.is_set() and len(self.seen) < REQUESTS_MAX

    async def _kept(self):
        async with self._connect() as line:
            while self._goes_on:
                self.seen.append(await line.ask(self._headers))
            assert line.opened == 1

    async def _fresh(self):
        while self._goes_on:
            async with self._connect() as line:
                self.seen.append(await line.ask(self._headers))


async def asks_for_certificates(one):
    """Return whether a new handshake asks its client for a certificate."""
    address = f"127.0.0.1:{one.port}"
    process = await asyncio.create_subprocess_exec(
        "openssl", "s_client", "-connect", address,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    async with asyncio.timeout(30):
        printed, _ = await process.communicate()
    assert b"BEGIN CERTIFICATE" in printed
    return b"Requested Signature Algorithms" in printed  # as only a CertificateRequest has them


async def planned(one, modes):
    """Return the agents by the plan's verdict on each."""
    ended = await asyncio.to_thread(one.command, "auth", "plan", "--to", modes, "--json")
    assert ended.returncode in {0, 1}, ended.stderr
    found = {}
    for row in json.loads(ended.stdout):
        found.setdefault(row["verdict"], set()).add(row["agent"])
    return found


async def seen_on_trial(one, *names):
    async with open_database(one.storage) as database:
        found = [each for each, _ in await sightings.since(database, 1)]
    return {each.agent for each in found if each.trial_proved or each.trial_refused} >= {*names}


class Crowd:
    """Agents, each with a token and with its way to show a certificate, or none."""

    def __init__(self, one, line, agents, shows):
        self._one, self._line, self._shows = one, line, shows
        self.agents = {each.name: each for each in agents}

    def connect(self, name):
        shown, of = self._shows[name]
        return self._line(self._one, shown, of=of)

    def load(self, name):
        return Load(lambda: self.connect(name), self.agents[name].bearer)

    async def refused(self):
        """Return the names of those who are not let in."""
        found = set()
        for name in self._shows:
            async with self.connect(name) as connection:
                if await connection.ask(self.agents[name].bearer) != 200:
                    found.add(name)
        return found


@pytest.fixture
async def crowd(house, enrol, line, certs, nameless):
    """A token only; with the own certificate, another's, one of nobody; and one unseen."""
    shows = {
        "only-token": (None, certs),
        "anna": ("anna", certs),
        "wrong": ("ben", certs),
        "bad": ("nameless", nameless),
    }
    return Crowd(house, line, await enrol(house, *shows, "quiet", keys=()), shows)


@pytest.fixture
def mounted_authority(house, mounts, until):
    """Mount the authority of agents, and wait until new handshakes ask for certificates."""
    _, secret, files = mounts

    async def mounted():
        assert not await asks_for_certificates(house)
        secret.swap(**files)

        async def asked():
            return await asks_for_certificates(house)

        await until(asked)

    return mounted


async def test_a_switch_breaks_exactly_whom_the_plan_named(
    house, crowd, mounted_authority, switched, line, until, foreign_certs
):
    """From jwt over the authority's mount and a trial to mtls,jwt, and on to mtls alone."""
    one = house
    async with crowd.load("only-token") as first:
        await mounted_authority()
        async with line(one, "anna", of=foreign_certs) as foreign:
            told = await foreign.ask(crowd.agents["quiet"].bearer)
        assert told == "TLS alert", "and so it never gets as far as the plan"
        async with crowd.load("anna") as second:
            assert await crowd.refused() == set()
            await switched(one, AUTH_MODE="jwt", AUTH_TRIAL="mtls")
            assert await crowd.refused() == set()

            async def tried():
                return await seen_on_trial(one, "anna", "wrong", "bad")

            await until(tried)
            chain, alone = [await planned(one, to) for to in ("mtls,jwt", "mtls")]
            assert chain["would not"] == {"wrong", "bad"}
            assert chain["gets in"] == {"only-token", "anna"}
            assert alone["would not"] == chain["would not"] | {"only-token"}
            assert chain["unseen"] == alone["unseen"] == {"quiet"}
            before = len(first.seen), len(second.seen)
            await switched(one, AUTH_MODE="mtls,jwt")
            assert await crowd.refused() == chain["would not"]
            assert len(first.seen) > before[0]
            assert len(second.seen) > before[1]
    _log.info("%d requests, none failed", len(first.seen) + len(second.seen))
    async with crowd.connect("anna") as fresh:
        await switched(one, AUTH_MODE="mtls")
        assert await fresh.ask() == 200
    assert await crowd.refused() == alone["would not"]
    assert "Traceback" not in one.log
