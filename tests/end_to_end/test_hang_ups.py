"""Clients that hang up, hundreds of times: each hold ends by its route's rule, nothing is left."""

import asyncio
from contextlib import AsyncExitStack

import psutil
import pytest

from caracal_core.testing.fakes.script import Hold, Silence

ROUNDS, AT_ONCE = 10, 20
HANG_UPS = ROUNDS * AT_ONCE
ENDINGS = {"post": ("posted", "0.25", "client_gone"), "void": ("voided", "0", "client_gone")}
NOT_SENT = ("voided", "0", "not_sent")
HALF_AN_UPLOAD = {
    "declared": b"Content-Length: 200000\r\n\r\n" + bytes(100_000),
    "chunked": b"Transfer-Encoding: chunked\r\n\r\n10000\r\n" + bytes(2**16) + b"\r\n",
}


@pytest.fixture(params=ENDINGS)
def rule(request):
    """What the route says that a client costs who hangs up."""
    return request.param


def asking(gateway, method=b"GET", rest=b"\r\n"):
    """Return a request as it stands on the wire."""
    token = gateway.token.encode()
    return b"%b /paid/x HTTP/1.1\r\nHost: g\r\nAuthorization: Bearer %b\r\n%b" % (
        method,
        token,
        rest,
    )


def how_it_ended(story):
    return story["status"], story["code"]


async def hang_up(gateway, data, ready):
    """Send the same on many connections, hang up once ready, and do it again and again.

    Half of them say goodbye, half reset the connection.
    """
    for done in range(0, HANG_UPS, AT_ONCE):
        async with asyncio.timeout(60), AsyncExitStack() as stack:
            lines = [await stack.enter_async_context(gateway.connected()) for _ in range(AT_ONCE)]
            for _, writer in lines:
                writer.write(data)
            await ready(done + AT_ONCE, [reader for reader, _ in lines])
            for _, writer in lines[::2]:
                writer.transport.abort()


async def assert_nothing_is_left(gateway, origin, until):
    """Nobody is in the corridor, no charge is open, no connection is open on either side."""

    async def is_still():
        names = ("caracal_exchanges_in_flight", "caracal_charges_open", "caracal_charges_in_hand")
        return [await gateway.metric(name) for name in names] == [0, 0, 0]

    async def is_alone():
        states = {each.status for each in psutil.Process(gateway.pid).net_connections()}
        return not origin.open_connections and states == {psutil.CONN_LISTEN}

    await until(is_still)
    await until(is_alone)
    await gateway.stop()
    assert await gateway.open_holds() == []


async def test_before_the_head(gateway, origin, until, rule):
    """The upstream sees each hang-up while it is at work, and each is settled by the rule."""
    one = await gateway(origin.url, settle={"client_gone": rule})
    origin.will(*[Silence()] * HANG_UPS)

    async def upstream_works(count, _):
        await origin.begun(count)

    await hang_up(one, asking(one), upstream_works)
    await origin.idle()
    await assert_nothing_is_left(one, origin, until)
    assert await one.entries() == [ENDINGS[rule]] * HANG_UPS
    assert len(origin.received) == HANG_UPS
    assert [how_it_ended(story) for story in one.stories] == [(499, "client_gone")] * HANG_UPS


async def test_in_the_middle_of_a_stream(gateway, origin, until, rule):
    """The upstream sees each hang-up while it streams, and each is settled by the rule."""
    one = await gateway(origin.url, settle={"client_gone": rule})
    origin.will(*[Hold(b"first")] * HANG_UPS)

    async def clients_read(_, readers):
        for reader in readers:
            assert (await reader.readuntil(b"first\r\n")).startswith(b"HTTP/1.1 200 ")

    await hang_up(one, asking(one), clients_read)
    await origin.idle()
    await assert_nothing_is_left(one, origin, until)
    assert await one.entries() == [ENDINGS[rule]] * HANG_UPS
    assert len(origin.received) == HANG_UPS
    assert [how_it_ended(story) for story in one.stories] == [(200, "client_gone")] * HANG_UPS


@pytest.mark.parametrize("framing", HALF_AN_UPLOAD)
async def test_before_the_upload_is_complete(gateway, origin, until, rule, framing):
    """The upstream has got a part, which may have cost it work, but never a whole request."""
    one = await gateway(origin.url, settle={"client_gone": rule})

    async def upstream_works(count, _):
        await origin.begun(count)

    await hang_up(one, asking(one, b"POST", HALF_AN_UPLOAD[framing]), upstream_works)
    await origin.idle()
    await assert_nothing_is_left(one, origin, until)
    assert await one.entries() == [ENDINGS[rule]] * HANG_UPS
    assert origin.received == []


async def test_before_anything_went_to_the_upstream(gateway, origin, until):
    """Then it costs nothing, whatever the rule, and the upstream never hears of it."""
    one = await gateway(origin.url, settle={"client_gone": "post"})

    async def gateway_waits_for_bodies(count, _):
        async def all_were_held():
            ended = await one.metric("caracal_charges_voided_total")
            return ended + await one.metric("caracal_charges_open") == count

        await until(all_were_held)

    await hang_up(one, asking(one, b"POST", b"Content-Length: 5\r\n\r\n"), gateway_waits_for_bodies)
    await assert_nothing_is_left(one, origin, until)
    assert await one.entries() == [NOT_SENT] * HANG_UPS
    assert origin.received == []


async def test_at_any_moment(gateway, origin, until):
    """Wherever it strikes: what the upstream was asked is posted, and each hold ends once."""
    kept = {"idle_timeout": 0.1}
    one = await gateway(origin.url, settle={"client_gone": "post"}, upstream_keys=kept)

    async def upstream_got_some(count, _):
        await origin.begun(len(origin.received) + count // AT_ONCE)

    await hang_up(one, asking(one), upstream_got_some)
    await assert_nothing_is_left(one, origin, until)
    entries = one.listed("ledger", "query")
    assert len({entry["charge"] for entry in entries}) == len(entries) <= HANG_UPS
    assert len([entry for entry in entries if entry["kind"] == "posted"]) >= len(origin.received)
