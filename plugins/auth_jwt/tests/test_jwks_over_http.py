"""Case 21 over real HTTP: rotation, removal, outage and recovery, as agents see them."""

import json
import logging

import pytest
from joserfc.jwk import OKPKey

from caracal_auth_jwt.config import JwtConfig
from caracal_auth_jwt.plugin import JwtPlugin
from caracal_core.assembly.fetching import HttpService
from caracal_core.errors import Failure, Unauthenticated
from caracal_core.testing.fakes import FakeClock, Origin, a_services
from caracal_core.testing.fakes.script import Answer, Garbage, Reset

NOW = 1_800_000_000
TTL = 3600


class Idp:
    """An identity provider on a loopback socket, with the keys that it publishes."""

    def __init__(self, origin, make_issuer):
        self.origin = origin
        self.signers = {
            kid: make_issuer("Ed25519", OKPKey.generate_key("Ed25519")) for kid in ("old", "new")
        }

    def publishes(self, *kids):
        """Let the next answer hold these keys."""
        keys = [self.signers[kid].key.as_dict(private=False) | {"kid": kid} for kid in kids]
        body = json.dumps({"keys": keys}).encode()
        self.origin.will(Answer(headers=(("cache-control", "max-age=300"),), chunks=(body,)))

    def token(self, kid, agent="research-1"):
        return self.signers[kid].token({"kid": kid}, aud="caracal", sub=agent)


@pytest.fixture
async def idp(make_issuer):
    async with Origin() as origin:
        yield Idp(origin, make_issuer)


@pytest.fixture
def clock():
    return FakeClock(NOW)


@pytest.fixture
def plugin(idp):
    entry = {
        "audience": "caracal",
        "agents": "*",
        "algorithms": ["Ed25519"],
        "jwks_url": f"{idp.origin.url}/jwks.json",
        "allow_private": True,
        "allow_http": True,
    }
    return JwtPlugin(JwtConfig(issuers=[entry], jwks_ttl=TTL))


@pytest.fixture
def services(clock):
    http = HttpService(logging.getLogger("caracal.test"))
    return a_services(http=http, clock=clock)


@pytest.fixture
def proves(plugin, services, bearer):
    """Say what a token gets: the agent, or 401, or 503."""
    (authenticator,) = plugin.authenticators(services)

    async def answer(token):
        try:
            return (await authenticator.authenticate(bearer(token))).id
        except (Unauthenticated, Failure) as error:
            return error.status

    return answer


async def test_a_rotation_refuses_nobody_in_between(idp, plugin, services, clock, proves):
    """Old keys, both, new keys alone: each good token passes, and an old one then does not."""
    idp.publishes("old")
    async with plugin.lifespan(services):
        assert await proves(idp.token("old")) == "research-1"
        clock.advance(10)
        idp.publishes("old", "new")
        assert await proves(idp.token("new")) == "research-1"
        assert await proves(idp.token("old")) == "research-1"
        clock.advance(10)
        idp.publishes("new")
        assert await proves(idp.signers["new"].token({"kid": "third"}, aud="caracal")) == 401
        assert await proves(idp.token("old")) == 401
        assert await proves(idp.token("new")) == "research-1"
    assert [received.target for received in idp.origin.received] == ["/jwks.json"] * 3


async def test_an_outage_is_lived_through_and_then_it_is_503(idp, plugin, services, clock, proves):
    """The last good keys until their time is over; no token is called bad for it."""
    (check,) = plugin.health(services)
    idp.publishes("old")
    async with plugin.lifespan(services):
        clock.advance(10)
        await idp.origin.leave()
        assert await proves(idp.token("new")) == 401
        assert await proves(idp.token("old")) == "research-1"
        assert await check.check() is None
        clock.advance(TTL - 10)
        late = {"iat": NOW + TTL, "exp": NOW + TTL + 60, "aud": "caracal"}
        assert await proves(idp.signers["old"].token({"kid": "old"}, **late)) == 503
        assert "too old" in await check.check()


async def test_with_the_issuer_down_it_starts_and_recovers_by_itself(
    idp, plugin, services, clock, proves
):
    """503 and not ready, until the issuer answers."""
    (check,) = plugin.health(services)
    idp.origin.will(Reset())
    async with plugin.lifespan(services):
        assert await proves(idp.token("old")) == 503
        assert "there are no keys" in await check.check()
        clock.advance(10)
        idp.publishes("old")
        (source,) = plugin._sources
        assert await source.renewed()
        assert await proves(idp.token("old")) == "research-1"
        assert await check.check() is None


@pytest.mark.parametrize(
    "step",
    [
        Reset(),
        Garbage(),
        Answer(status=500),
        Answer(status=302, headers=(("location", "/elsewhere"),)),
        Answer(chunks=(b"<html>",)),
        Answer(chunks=(b'{"keys": []}',)),
        Answer(chunks=(b"x" * 300_000,)),
        Answer(headers=(("content-encoding", "gzip"),), chunks=(b"\x1f\x8b",)),
    ],
)
async def test_a_broken_answer_changes_nothing(idp, plugin, services, clock, proves, step):
    idp.publishes("old")
    async with plugin.lifespan(services):
        clock.advance(10)
        idp.origin.will(step)
        assert await proves(idp.token("new")) == 401
        assert await proves(idp.token("old")) == "research-1"
        assert len(idp.origin.received) == 2


async def test_a_remembered_token_ends_with_its_key(idp, plugin, services, clock, proves):
    """The cache asks for the keys on every hit."""
    idp.publishes("old", "new")
    token = idp.token("old")
    async with plugin.lifespan(services):
        assert [await proves(token) for _ in range(3)] == ["research-1"] * 3
        clock.advance(10)
        idp.publishes("new")
        (source,) = plugin._sources
        await source.renewed()
        assert await proves(token) == 401
        assert await proves(idp.token("new")) == "research-1"
