"""What a gateway reads of a key, and what it writes there; none of it is a secret."""

from ipaddress import ip_network

from caracal_auth_apikey.administration import Limits
from caracal_auth_apikey.store import Rehash, find, rehash, touch


async def test_a_record_says_what_was_issued(desk):
    limits = Limits(("open*", "b"), ("GET", "tools/call"), ("10.0.0.0/8", "2001:db8::/32"))
    key = await desk.issue(limits=limits, expire_seconds=100)
    record = await find(desk.database, key.id)
    assert (record.agent, record.routes, record.methods) == (
        "research-1",
        limits.routes,
        limits.methods,
    )
    assert record.networks == tuple(map(ip_network, limits.cidrs))
    assert (record.hash, record.hash_key) == (key.hashed(desk.hash_key), desk.hash_key.id)
    assert (record.revoked, record.last_used_at) == (False, None)
    assert 90 < record.ends_in <= 100
    assert 0 <= record.now - record.created_at < 60


async def test_a_key_without_limits_has_none(desk):
    record = await find(desk.database, (await desk.issue()).id)
    assert (record.routes, record.methods, record.networks, record.ends_in) == ((), (), (), None)


async def test_an_unknown_id_has_no_record(desk):
    assert await find(desk.database, "a" * 16) is None


async def test_what_is_kept_holds_no_secret(desk):
    """Neither the key nor its secret, in whatever column."""
    key = await desk.issue(label="a label")
    kept = repr(await desk.row(key.id))
    assert key.id in kept
    assert key.text not in kept
    assert key.text[20:72] not in kept


async def test_the_earlier_of_two_ends_counts(desk):
    key = await desk.issue()
    now = (await find(desk.database, key.id)).now
    for expires_at, not_after, expected in [
        (None, None, None),
        (now + 100, None, 100),
        (None, now + 50, 50),
        (now + 100, now + 50, 50),
        (now + 50, now + 100, 50),
    ]:
        replaced_by = None if not_after is None else "b" * 16
        await desk.set(key.id, expires_at=expires_at, not_after=not_after, replaced_by=replaced_by)
        ends_in = (await find(desk.database, key.id)).ends_in
        assert ends_in == expected or expected - 30 < ends_in <= expected


async def test_a_use_is_recorded_for_many_at_once_and_never_goes_back(desk):
    keys = [await desk.issue() for _ in range(3)]
    await touch(desk.database, {key.id for key in keys[:2]}, 7200.0)
    await touch(desk.database, {key.id for key in keys[:1]}, 3600.0)
    used = [(await find(desk.database, key.id)).last_used_at for key in keys]
    assert used == [7200.0, 7200.0, None]


async def test_a_hash_is_replaced_once(desk):
    """Of two gateways that replace it one does; the other's does no harm."""
    key = await desk.issue()
    old = (await find(desk.database, key.id)).hash
    await rehash(desk.database, Rehash(key.id, old, "1" * 64, "one"))
    await rehash(desk.database, Rehash(key.id, old, "2" * 64, "two"))
    record = await find(desk.database, key.id)
    assert (record.hash, record.hash_key) == ("1" * 64, "one")
