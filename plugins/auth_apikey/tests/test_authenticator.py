"""Who shows a good key is proved; every bad one gets the same answer for the same work."""

import ipaddress
import traceback
from contextlib import nullcontext

import pytest

from caracal_auth_apikey import authenticator, key_text
from caracal_auth_apikey.administration import Limits, revoke
from caracal_auth_apikey.key_text import ApiKey, generate
from caracal_core.domain import HashKey, Principal
from caracal_core.errors import BadRequest, Failure, Unauthenticated
from caracal_core.testing.contracts import AuthenticatorContract
from caracal_core.testing.fakes import a_request

OTHER = HashKey(b"2" * 32)


def forged(key):
    """Return another secret under the key's id, with a checksum that is right."""
    text = f"ck_{key.id}_{generate().text[20:72]}"
    return ApiKey(key.id, text + key_text._checksum(text))


async def bad_keys(desk):
    """Return keys that are bad, by what is wrong with them."""
    keys = {why: await desk.issue() for why in ("secret", "revoked", "ended", "hash key")}
    keys["secret"] = forged(keys["secret"])
    await revoke(desk.database, keys["revoked"].id)
    await desk.set(keys["ended"].id, expires_at=1.0)
    await desk.set(keys["hash key"].id, hash_key="gone")
    keys["peer"] = await desk.issue(limits=Limits(cidrs=("192.0.2.0/24",)))
    return keys | {"unknown": generate()}


class TestContract(AuthenticatorContract):
    """The authenticator owes what every authenticator owes."""

    @pytest.fixture
    def authenticator(self, desk):
        return desk.authenticator

    @pytest.fixture
    async def good_request(self, desk):
        key = await desk.issue(limits=Limits(("a*",), ("GET",)))
        return a_request(headers={"x-api-key": key.text})

    @pytest.fixture
    def agent(self):
        return "research-1"

    @pytest.fixture
    async def bad_requests(self, desk):
        keys = [key.text for key in (await bad_keys(desk)).values()]
        values = [*keys, "", "something-else", keys[0].upper(), f"{keys[0]} ", f"{keys[0]}\n"]
        shown = [a_request(headers={"x-api-key": value}) for value in values]
        bearers = [f"Bearer {keys[0]}", f"ApiKey {keys[1]}", f"Bearer  {keys[2]}", "ApiKey"]
        return [*shown, *(a_request(headers={"authorization": value}) for value in bearers)]


@pytest.mark.parametrize(
    "headers",
    [
        lambda text: {"x-api-key": text},
        lambda text: {"authorization": f"Bearer {text}"},
        lambda text: {"authorization": f"ApiKey {text}"},
        lambda text: {"x-api-key": text, "authorization": "Basic dXNlcjpwYXNz"},
    ],
)
async def test_a_good_key_proves_its_agent_wherever_it_stands(desk, headers):
    key = await desk.issue()
    row = await desk.row(key.id)
    principal = await desk.authenticator.authenticate(a_request(headers=headers(key.text)))
    assert principal == Principal(
        "research-1", "api_key", {}, credential=key.id, issued_at=row["created_at"]
    )


async def test_whatever_is_wrong_the_look_ups_are_the_same(desk):
    """Case 25: a cold gateway asks once, a warm one not at all, for the good one too."""
    keys = await bad_keys(desk) | {"nothing": await desk.issue()}
    gateway, counts = desk.gateway(), {}
    for why, key in keys.items():
        counts[why] = []
        for _ in range(2):
            before = desk.database.asked
            with nullcontext() if why == "nothing" else pytest.raises(Unauthenticated):
                await desk.show(key.text, gateway)
            counts[why].append(desk.database.asked - before)
    assert counts == {why: [1, 0] for why in keys}


async def test_whatever_is_wrong_one_hash_is_made_and_compared(desk, monkeypatch):
    """In constant time, and for an unknown id as well."""
    made, compared = [], []
    hashed, compare = ApiKey.hashed, authenticator.compare_digest
    monkeypatch.setattr(ApiKey, "hashed", lambda key, by: made.append(1) or hashed(key, by))
    keys = await bad_keys(desk)
    monkeypatch.setattr(
        authenticator,
        "compare_digest",
        lambda one, other: compared.append(1) or compare(one, other),
    )
    for key in keys.values():
        made.clear()
        compared.clear()
        with pytest.raises(Unauthenticated):
            await desk.show(key.text)
        assert (len(made), len(compared)) == (1, 1)


async def test_a_malformed_key_asks_nobody(desk):
    """Case 24."""
    text, before = (await desk.issue()).text, desk.database.asked
    for mutant in (text[:-1], text + "a", text.upper(), "ck_", "", text[:-1] + "\n", text * 200):
        with pytest.raises(Unauthenticated):
            await desk.show(mutant)
    assert desk.database.asked == before


async def test_reasons_are_for_the_operator_and_name_the_key(desk):
    keys = await bad_keys(desk)
    for why, words in {
        "secret": "secret is not",
        "revoked": "was revoked",
        "ended": "has ended",
        "unknown": "there is no API key",
        "hash key": "hash key gone",
        "peer": "may not be used from 127.0.0.1",
    }.items():
        with pytest.raises(Unauthenticated) as refused:
            await desk.show(keys[why].text)
        assert words in refused.value.internal
        assert keys[why].id in refused.value.internal


async def test_a_revoked_key_is_refused_once_the_memory_is_stale(desk):
    key = await desk.issue()
    assert await desk.show(key.text)
    await revoke(desk.database, key.id)
    desk.clock.advance(2)
    with pytest.raises(Unauthenticated):
        await desk.show(key.text)


async def test_an_end_is_kept_to_while_the_memory_is_fresh(desk):
    """Every request is judged, not every look-up."""
    gateway, key = desk.gateway(fresh_seconds=4.0), await desk.issue(expire_seconds=60)
    await desk.show(key.text, gateway)
    (answer,) = gateway._lookup._recent._good.values()
    gateway._lookup._recent._fresh_seconds = 1e9
    desk.clock.advance(answer.value.record.ends_in)
    with pytest.raises(Unauthenticated):
        await desk.show(key.text, gateway)


async def test_gateways_whose_clocks_are_wrong_judge_alike(desk):
    """An hour back or ahead: ends are by the database's clock."""
    good, ended = await desk.issue(expire_seconds=600), await desk.issue(expire_seconds=0)
    for drift in (-3600, 3600, 1e9):
        desk.clock.set(desk.clock.now() + drift)
        assert await desk.show(good.text, desk.gateway())
        with pytest.raises(Unauthenticated):
            await desk.show(ended.text, desk.gateway())


@pytest.mark.parametrize(
    ("cidrs", "peer", "admitted"),
    [
        (("192.0.2.0/24",), "192.0.2.255", True),
        (("192.0.2.0/24",), "192.0.3.0", False),
        (("192.0.2.0/24", "2001:db8::/32"), "2001:db8::1", True),
        (("192.0.2.0/24",), "2001:db8::1", False),
        (("0.0.0.0/0",), "::1", False),
        (("fe80::/10",), "fe80::1%eth0", True),
        (("0.0.0.0/0", "::/0"), "", False),
        (("0.0.0.0/0", "::/0"), "unix", False),
    ],
)
async def test_networks_are_held_against_the_connections_other_end(desk, cidrs, peer, admitted):
    """Case 6: what the client writes into headers moves nothing."""
    key = await desk.issue(limits=Limits(cidrs=cidrs))
    inside = str(next(iter(ipaddress.ip_network(cidrs[0]))))
    names = ("x-forwarded-for", "forwarded", "x-real-ip")
    headers = [("x-api-key", key.text), *((name, inside) for name in names)]
    request = a_request(headers=headers, peer=peer)
    if admitted:
        assert await desk.authenticator.authenticate(request)
    else:
        with pytest.raises(Unauthenticated):
            await desk.authenticator.authenticate(request)


async def test_limits_are_handed_to_the_policy(desk):
    key = await desk.issue(limits=Limits(("a", "b*"), ("GET", "POST")))
    attributes = (await desk.show(key.text)).attributes
    assert attributes == {"api_key_routes": "a b*", "api_key_methods": "GET POST"}


async def test_two_credentials_and_one_in_the_query_are_malformed_requests(desk):
    key = await desk.issue()
    before = desk.database.asked
    headers = {"x-api-key": key.text, "authorization": f"Bearer {key.text}"}
    for request in (a_request(headers=headers), a_request(path=f"/?api_key={key.text}")):
        with pytest.raises(BadRequest):
            await desk.authenticator.authenticate(request)
    assert desk.database.asked == before


async def test_a_store_that_is_down_is_a_failure_and_not_a_refusal(desk):
    """What is fresh still passes; nothing else is guessed."""
    known, other = await desk.issue(), await desk.issue()
    await desk.show(known.text)
    desk.database.down = Failure("test", "down")
    assert await desk.show(known.text)
    for key in (other, generate()):
        with pytest.raises(Failure):
            await desk.show(key.text)
    desk.clock.advance(2)
    with pytest.raises(Failure):
        await desk.show(known.text)


async def test_a_traceback_through_it_holds_no_key(desk):
    """Whatever broke below."""
    key = await desk.issue()
    desk.database.down = ZeroDivisionError("broken")
    with pytest.raises(ZeroDivisionError) as broke:
        await desk.show(key.text)
    told = "".join(traceback.format_exception(broke.value))
    assert "in authenticate" in told
    assert key.text[20:] not in told


async def test_a_hash_is_replaced_when_its_key_is_used(desk):
    """Rotation with overlap: the old hash key verifies until every key in use was hashed anew."""
    used, unused = await desk.issue(), await desk.issue()
    old = desk.hash_key
    desk.hash_keys.keys = (OTHER, old)
    await desk.read_hash_keys()
    for key in (used, forged(unused)):
        try:
            await desk.show(key.text)
        except Unauthenticated:
            assert key is not used
    await desk.usage.write(desk.database)
    rows = [await desk.row(key.id) for key in (used, unused)]
    assert [row["hash_key"] for row in rows] == [OTHER.id, old.id]
    desk.hash_keys.keys = (OTHER,)
    await desk.read_hash_keys()
    desk.clock.advance(2)
    assert await desk.show(used.text)
    with pytest.raises(Unauthenticated):
        await desk.show(unused.text)


async def test_a_stored_hash_is_worth_nothing_without_its_hash_key(desk):
    """Who can write to the table still cannot make a key that passes."""
    key = await desk.issue()
    stranger = generate()
    await desk.set(key.id, id=stranger.id, hash=stranger.hashed(OTHER))
    with pytest.raises(Unauthenticated):
        await desk.show(stranger.text)


async def test_another_ids_key_does_not_prove(desk):
    """The hash is over the whole key: rows cannot be swapped."""
    one, other = await desk.issue(), await desk.issue()
    await desk.set(one.id, hash=(await desk.row(other.id))["hash"])
    with pytest.raises(Unauthenticated):
        await desk.show(one.text)
