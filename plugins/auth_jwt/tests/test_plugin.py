"""The plugin as the house meets it: pure until it is opened, and following its key while open."""

import asyncio
import json
import logging

import pytest
from joserfc.jwk import RSAKey

from caracal_auth_jwt import key_file
from caracal_auth_jwt.config import JwtConfig
from caracal_auth_jwt.plugin import JwtPlugin
from caracal_core.errors import Misconfigured, Unauthenticated
from caracal_core.testing.contracts import PluginContract
from caracal_core.testing.fakes import FakeMetrics, a_services


class TellingMetrics(FakeMetrics):
    """Tells when a change of the key file is counted."""

    def __init__(self):
        super().__init__()
        self._counted = asyncio.Event()

    def counter(self, name, help, **labels):
        counter, told = super().counter(name, help, **labels), self._counted
        if name != "key_changes":
            return counter

        class Telling:
            def add(self, amount=1):
                counter.add(amount)
                told.set()

        return Telling()

    async def something_counted(self):
        async with asyncio.timeout(20):
            await self._counted.wait()


class TestContract(PluginContract):
    """The plugin owes what every plugin owes."""

    @pytest.fixture
    def plugin_class(self):
        return JwtPlugin

    @pytest.fixture
    def config(self, tmp_path, issuer):
        path = tmp_path / "jwt_public.pem"
        path.write_bytes(issuer.public_pem)
        return {"public_key_path": str(path), "issuer": "https://idp.example"}

    @pytest.fixture
    def bad_configs(self):
        return [
            {"algorithm": "HS256-with-a-secret-in-it"},
            {"audience": ""},
            {"types": ["id_token"]},
            {"leeway_seconds": "an hour at least"},
        ]

    @pytest.fixture
    def entry_point(self):
        return "auth_jwt"


async def test_building_it_touches_no_file(tmp_path):
    """The constructor and the hooks are pure: a missing key is found on opening, not before."""
    plugin = JwtPlugin(JwtConfig(public_key_path=tmp_path / "none.pem"))
    (authenticator,) = plugin.authenticators(a_services())
    assert authenticator.scheme == "jwt"
    with pytest.raises(Misconfigured, match="JWT_PUBLIC_KEY_PATH"):
        async with plugin.lifespan(a_services()):
            pass


async def test_a_rotated_key_is_taken_up_while_it_serves(
    tmp_path, issuer, make_issuer, bearer, monkeypatch
):
    """Case 21: without a restart the new key proves and the old one is refused."""
    monkeypatch.setattr(key_file, "POLL_SECONDS", 0.005)
    path, metrics = tmp_path / "key.pem", TellingMetrics()
    path.write_bytes(issuer.public_pem)
    plugin, services = JwtPlugin(JwtConfig(public_key_path=path)), a_services(metrics=metrics)
    (authenticator,) = plugin.authenticators(services)
    rotated = make_issuer("RS256", RSAKey.generate_key(2048))
    async with plugin.lifespan(services):
        assert (await authenticator.authenticate(bearer(issuer.token()))).id == "research-1"
        path.write_bytes(rotated.public_pem)
        await metrics.something_counted()
        assert (await authenticator.authenticate(bearer(rotated.token()))).id == "research-1"
        with pytest.raises(Unauthenticated):
            await authenticator.authenticate(bearer(issuer.token()))


def test_a_rotated_key_is_looked_for_often_enough():
    """Case 21 allows 5 seconds from the file to the refusal of the old key."""
    assert key_file.POLL_SECONDS <= 2.5


async def test_closing_it_leaves_no_task(tmp_path, issuer):
    """What follows the file ends with the lifespan, however the lifespan ends."""
    path = tmp_path / "key.pem"
    path.write_bytes(issuer.public_pem)
    before = asyncio.all_tasks()

    async def serve():
        async with JwtPlugin(JwtConfig(public_key_path=path)).lifespan(a_services()):
            assert len(asyncio.all_tasks() - before) == 1
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await serve()
    assert asyncio.all_tasks() == before


async def test_a_broken_file_shows_in_a_gauge(tmp_path, issuer, monkeypatch):
    """The operator can alert on it."""
    monkeypatch.setattr(key_file, "POLL_SECONDS", 0.005)
    path, metrics = tmp_path / "key.pem", TellingMetrics()
    path.write_bytes(issuer.public_pem)
    async with JwtPlugin(JwtConfig(public_key_path=path)).lifespan(a_services(metrics=metrics)):
        assert metrics.read("key_file_broken") == 0
        path.write_bytes(b"")
        await metrics.something_counted()
        assert metrics.read("key_file_broken") == 1


@pytest.mark.parametrize(
    ("settings", "warned"),
    [
        ({}, ["JWT_ISSUER", "JWT_AUDIENCE"]),
        ({"issuer": "https://idp.example"}, ["JWT_AUDIENCE"]),
        ({"audience": "caracal"}, ["JWT_ISSUER"]),
        ({"issuer": "https://idp.example", "audience": "caracal"}, []),
    ],
)
async def test_unchecked_claims_are_warned_of_at_the_start(
    opened, issuer, caplog, settings, warned
):
    """Case 19 and 20: what is not configured is not checked, and the operator knows."""
    with caplog.at_level(logging.WARNING):
        await opened(issuer, **settings)
    assert [name for name in ("JWT_ISSUER", "JWT_AUDIENCE") if name in caplog.text] == warned


@pytest.mark.parametrize(
    "settings",
    [
        {"issuer": "another"},
        {"audience": "another"},
        {"agent_claim": "missing"},
        {"leeway_seconds": 0},
        {"max_lifetime_seconds": 10},
        {"max_token_bytes": 256},
        {"types": ["at+jwt"]},
        {"accept_untyped": False, "untyped": True},
    ],
    ids=lambda settings: next(iter(settings)),
)
async def test_every_setting_reaches_its_rule(opened, issuer, bearer, settings):
    """What passes by the defaults is refused by each key of the section in turn."""
    header = {"alg": "RS256"} if settings.pop("untyped", False) else {"alg": "RS256", "typ": "JWT"}
    claims = issuer.claims(iss="i", aud="a", nbf=1_800_000_020)
    token = issuer.sign(json.dumps(header).encode(), json.dumps(claims).encode())
    assert await (await opened(issuer)).authenticate(bearer(token)) is not None
    authenticator = await opened(issuer, **settings)
    with pytest.raises(Unauthenticated):
        await authenticator.authenticate(bearer(token))


async def test_configured_issuer_audience_and_claim_are_what_passes(opened, issuer, bearer):
    """A token that fits every configured value proves the agent of the configured claim."""
    authenticator = await opened(issuer, issuer="i", audience="a", agent_claim="c")
    token = issuer.token(iss="i", aud=["a", "b"], c="agent-c")
    assert (await authenticator.authenticate(bearer(token))).id == "agent-c"
