"""Tokens of real issuers at real gateways: used once across replicas, and as their keys come."""

import asyncio
import json
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections import Counter

import pytest
from aiohttp import ClientSession, web
from joserfc.jwk import ECKey

from caracal_auth_jwt.minting import mint

AGENT, AUDIENCE = "agent-1", "caracal-test"
P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


class Idp:
    """An identity provider: its keys, the tokens it signs, and what it publishes."""

    def __init__(self):
        self.keys = {kid: ECKey.generate_key("P-256") for kid in ("old", "new")}
        self.published = ["old"]
        self.up = True
        self.url = None

    async def answer(self, _request):
        if not self.up:
            return web.Response(status=500)
        keys = [self.keys[kid].as_dict(private=False) | {"kid": kid} for kid in self.published]
        return web.json_response({"keys": keys}, headers={"cache-control": "max-age=1"})

    def entry(self, **more):
        return {
            "issuer": self.url,
            "audience": AUDIENCE,
            "algorithms": ["ES256"],
            "agents": ["agent-*"],
            "jwks_url": f"{self.url}/jwks.json",
            "allow_private": True,
            "allow_http": True,
        } | more

    def token(self, kid="old", **claims):
        now = int(time.time())
        said = {"iss": self.url, "aud": AUDIENCE, "sub": AGENT, "iat": now, "exp": now + 60}
        return mint(self.keys[kid].as_pem(private=True), "ES256", said | claims, kid)


@pytest.fixture
async def idp(site):
    idp = Idp()
    idp.url = await site(web.route("GET", "/jwks.json", idp.answer))
    return idp


@pytest.fixture
def trusting(gateway, origin, idp):
    """Start a gateway that trusts the provider."""

    async def start(*, home, environment=None, budget="1000", **more):
        quick = {"jwks_refresh_min_seconds": 1, "jwks_refresh_max_seconds": 1}
        section = {"issuers": [idp.entry(**more)], **quick, "jwks_unknown_kid_seconds": 1}
        settings = {"environment": environment or {}, "auth_jwt": section}
        return await gateway(origin.url, home=home, budget=budget, **settings)

    return start


async def status(gateway, token, **nonce):
    bearer = {"Authorization": f"Bearer {token}"} | {
        f"X-Caracal-{name.title()}": str(value) for name, value in nonce.items()
    }
    async with ClientSession(gateway.url, headers=bearer) as session, session.get("/free/x") as got:
        return got.status


def twin(token):
    """Return the other signature that ECDSA gives the same token: (r, n - s)."""
    unsigned, _, signature = token.rpartition(".")
    pair = urlsafe_b64decode(signature + "==")
    other = P256_ORDER - int.from_bytes(pair[32:], "big")
    again = urlsafe_b64encode(pair[:32] + other.to_bytes(32, "big")).rstrip(b"=").decode()
    return f"{unsigned}.{again}"


async def test_a_token_for_single_use_is_used_once_across_replicas(
    trusting, idp, postgres_config, storage_environment, tmp_path
):
    """Case 30: nor does its twin, at this replica or another, now or at the same moment."""
    environment = storage_environment(postgres_config)
    (tmp_path / "other").mkdir()
    one = await trusting(home=tmp_path, environment=environment, single_use=True)
    other = await trusting(
        home=tmp_path / "other", environment=environment, single_use=True, budget=None
    )
    token = idp.token(jti="1")
    assert await status(one, token) == 200
    again = [(replica, shown) for replica in (one, other) for shown in (token, twin(token))]
    assert [await status(*each) for each in again] == [409] * 4
    rivals = idp.token(jti="2")
    uses = [status(replica, shown) for replica in (one, other) for shown in (rivals, twin(rivals))]
    assert Counter(await asyncio.gather(*uses)) == {200: 1, 409: 3}
    assert await status(other, idp.token(jti="3")) == 200
    assert await status(other, idp.token()) == 401


async def test_a_token_for_single_use_outlives_a_refusal_for_its_nonce(trusting, idp, tmp_path):
    """Malformed, or used before; the nonce is lost beside a token that was used before."""
    one, now = await trusting(home=tmp_path, single_use=True), int(time.time())
    token = idp.token(jti="1")
    assert await status(one, token, nonce="a", timestamp="abc") == 400
    assert await status(one, token, nonce="a", timestamp=now - 3600) == 401
    assert await status(one, token, nonce="a", timestamp=now) == 200
    other = idp.token(jti="2")
    assert await status(one, other, nonce="a", timestamp=now) == 409
    assert await status(one, token, nonce="b", timestamp=now) == 409
    assert await status(one, other, nonce="b", timestamp=now) == 200


async def test_a_removed_key_is_refused_and_a_new_one_is_taken_up_while_it_serves(
    trusting, idp, tmp_path, until
):
    """Case 21 at a running gateway, cache of verified tokens included."""
    one = await trusting(home=tmp_path)
    old = idp.token("old")
    assert await status(one, old) == 200
    assert await status(one, idp.token("new")) == 401
    idp.published = ["new"]

    async def removed():
        return await status(one, old) == 401

    await until(removed)
    assert await status(one, idp.token("new")) == 200


async def test_with_its_issuer_down_it_starts_not_ready_and_recovers_by_itself(
    trusting, idp, tmp_path, until
):
    idp.up = False
    one = await trusting(home=tmp_path)
    assert await status(one, idp.token()) == 503
    code, text = await one.operator_sees("/health/ready")
    assert code == 503
    assert "jwt_keys" in json.dumps(text)
    idp.up = True

    async def ready():
        code, _ = await one.operator_sees("/health/ready")
        return code == 200

    await until(ready)
    assert await status(one, idp.token()) == 200


async def test_all_that_an_agent_has_is_revoked_though_its_issuers_clock_is_fast(
    trusting, idp, tmp_path, until
):
    """A token that was shown before the revocation was issued before it, whatever `iat` says."""
    one = await trusting(home=tmp_path, leeway_seconds=60)
    ahead = idp.token(iat=int(time.time()) + 55, exp=int(time.time()) + 120)
    assert await status(one, ahead) == 200
    await asyncio.to_thread(one.caracal, "revocations", "add", "--agent", AGENT)

    async def refused():
        return await status(one, ahead) == 401

    await until(refused)
    assert await status(one, idp.token()) == 401
