"""What a reply did cost over real HTTP: read on for clients that left, cut, stated, and keyed."""

import asyncio
import signal
from io import BytesIO
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

BY_BYTE = Path(__file__).parent / "metering" / "by_byte.py"
AT_ONCE = 20
PATIENCE_SECONDS = 30


class Talker:
    """An upstream that says ``four``, and the rest once the test lets it.

    Attributes:
        rest: what it still says.
        go_on: set it to let it.
        silent: whether it does not begin its reply before, either.
        status: of its replies.
        asked: how many calls have come.
        leaving: how many calls were given up by the gateway.
        got: the headers of each request.
        stated: the fields that it states costs in.
    """

    def __init__(self):
        self.rest, self.go_on, self.leaving, self.got = b"teen.", asyncio.Event(), 0, []
        self.stated, self.silent, self.status, self.asked = [], False, 200, 0

    async def answer(self, request):
        self.got.append(request.headers)
        await request.content.read()
        self.asked += 1
        reply = web.StreamResponse(status=self.status)
        for value in self.stated:
            reply.headers.add("X-Caracal-Actual-Cost", value)
        try:
            if self.silent:
                await self.go_on.wait()
            await reply.prepare(request)
            await reply.write(b"four")
            await self.go_on.wait()
            await reply.write(self.rest)
        except (asyncio.CancelledError, ConnectionError):
            self.leaving += 1
            raise
        return reply


@pytest.fixture
async def talker(site):
    talker = Talker()
    talker.url = await site(web.route("*", "/{path}", talker.answer))
    yield talker
    talker.go_on.set()


@pytest.fixture
def metered(gateway, talker, packages):
    """Start a gateway whose paid replies are metered by the byte."""
    packages.add("by_byte", code=BY_BYTE.read_text(), attribute="ByBytePlugin")

    async def start(environment=None, **settings):
        path = {"PYTHONPATH": str(packages.directory)}
        given = path | (environment or {})
        return await gateway(talker.url, environment=given, plugins=["by_byte"], **settings)

    return start


async def leave(one, talker, until, count=AT_ONCE):
    """Ask so many times, read ``four`` of each reply that begins, and reset the connections."""

    async def all_came():
        return talker.asked == count

    async def ask():
        request = f"POST /paid/x HTTP/1.1\r\nHost: g\r\nAuthorization: Bearer {one.token}\r\n"
        async with one.connected() as (reader, writer), asyncio.timeout(PATIENCE_SECONDS):
            writer.write(f"{request}Content-Length: 2\r\n\r\n{{}}".encode())
            if talker.silent:
                await until(all_came)
            else:
                await reader.readuntil(b"four")
            writer.transport.abort()

    await asyncio.gather(*(ask() for _ in range(count)))


@pytest.fixture(params=[False, True], ids=["midway", "before the head"])
def silent(request, talker):
    """Whether the clients leave before the upstream begins its reply."""
    talker.silent = request.param
    return request.param


async def is_empty(one):
    return await one.metric("caracal_exchanges_in_flight") == 0


@pytest.mark.usefixtures("silent")
async def test_clients_that_leave_pay_for_what_was_used(metered, talker, until, environment):
    one = await metered(environment)
    await leave(one, talker, until)
    talker.go_on.set()
    await until(lambda: is_empty(one))
    await one.stop()
    assert await one.open_holds() == []
    assert await one.entries() == [("posted", "0.09", "client_gone")] * AT_ONCE
    assert {(story["basis"], story["price"]) for story in one.stories} == {
        ("metered", "flat/byte@1")
    }


@pytest.mark.usefixtures("silent")
@pytest.mark.parametrize("limit", ["time", "bytes", "count"])
async def test_what_cannot_be_learnt_within_the_limits_costs_the_hold(
    metered, talker, until, limit, environment
):
    """And the upstream is given up then, or at once where too many are read on already."""
    charges = {
        "time": {"drain_timeout": 0.3},
        "bytes": {"drain_max_bytes": 3},
        "count": {"drain_at_once": 0},
    }
    one = await metered(environment, charges=charges[limit])
    talker.rest = b"x" * 10
    await leave(one, talker, until)
    if limit == "bytes":
        talker.go_on.set()
    await until(lambda: is_empty(one))
    await one.stop()
    assert await one.entries() == [("posted", "0.25", "client_gone")] * AT_ONCE
    assert {story["basis"] for story in one.stories} == {"unmetered"}
    if limit != "bytes":
        assert talker.leaving == AT_ONCE


async def is_stopping(one):
    return (await one.operator_sees("/health/ready"))[0] == 503


@pytest.mark.usefixtures("silent")
async def test_a_stop_waits_for_what_goes_on(metered, talker, until):
    """Or each rolling update would charge the whole hold to who left shortly before."""
    one = await metered(charges={"drain_timeout": 300})
    await leave(one, talker, until)
    one.signal(signal.SIGTERM)
    await until(lambda: is_stopping(one))
    talker.go_on.set()
    assert await one.ended() == 0
    assert await one.entries() == [("posted", "0.09", "client_gone")] * AT_ONCE


@pytest.mark.usefixtures("silent")
@pytest.mark.parametrize("grace", [0.1, 300])
async def test_it_waits_for_its_grace_at_most_and_not_past_a_second_signal(
    metered, talker, until, grace
):
    one = await metered(charges={"drain_timeout": 300}, grace_timeout=grace)
    await leave(one, talker, until)
    one.signal(signal.SIGTERM)
    if grace > 1:
        await until(lambda: is_stopping(one))
        one.signal(signal.SIGTERM)
    assert await one.ended() == 0
    assert await one.open_holds() == []
    assert await one.entries() == [("posted", "0.25", "client_gone")] * AT_ONCE
    assert talker.leaving == AT_ONCE


@pytest.mark.usefixtures("silent")
async def test_where_the_route_voids_them_nothing_is_read_on(metered, talker, until):
    one = await metered(settle={"client_gone": "void"}, charges={"drain_timeout": 300})
    await leave(one, talker, until)
    await until(lambda: is_empty(one))
    await one.stop()
    assert await one.entries() == [("voided", "0", "client_gone")] * AT_ONCE
    assert talker.leaving == AT_ONCE


async def test_an_error_that_nobody_heard_is_void_where_errors_are(metered, talker, until):
    talker.silent, talker.status = True, 503
    one = await metered()
    await leave(one, talker, until)
    talker.go_on.set()
    await until(lambda: is_empty(one))
    await one.stop()
    assert await one.entries() == [("voided", "0", "error_status")] * AT_ONCE


async def test_who_left_before_the_head_and_tries_again_is_told_of_the_charge(
    metered, talker, until
):
    """In flight for as long as the first try is waited for, and charged once."""
    talker.silent = True
    one = await metered(charges={"drain_timeout": 300})
    headers = {"Idempotency-Key": "k"}

    async def asked():
        return talker.asked == 1

    async with one.client() as client:
        calling = asyncio.ensure_future(client.post("/paid/x", headers=headers))
        await until(asked)
        calling.cancel()
        await asyncio.wait([calling])
        async with client.post("/paid/x", headers=headers) as reply:
            assert (reply.status, (await reply.json())["code"]) == (409, "idempotency_in_flight")
        talker.go_on.set()
        await until(lambda: is_empty(one))
        async with client.post("/paid/x", headers=headers) as reply:
            assert (reply.status, (await reply.json())["code"]) == (409, "already_charged")
    await one.stop()
    assert await one.entries() == [("posted", "0.09", "client_gone")]
    assert talker.asked == 1


@pytest.mark.parametrize(("rule", "entry"), [("post", "reply"), ("cut", "cut")])
async def test_an_overrun_is_posted_in_full_or_the_reply_is_cut(metered, talker, rule, entry):
    """What is cut so costs the hold, though the route voids what is cut otherwise."""
    keys = {"path": "/dear/", "upstream": "u", "strip_prefix": True, "tariff": "flat"}
    dear = keys | {"id": "dear", "settle": {"cut": "void"}, "on_overrun": rule}
    everything = {"id": "all", "effect": "permit", "agents": ["*"], "routes": ["*"]}
    one = await metered(routes=[dear], policies=[everything])
    talker.rest = b"x" * 50
    talker.go_on.set()
    async with one.client() as client, client.post("/dear/x") as reply:
        assert "Content-Length" not in reply.headers
        if rule == "post":
            assert await reply.read() == b"four" + talker.rest
        else:
            with pytest.raises(aiohttp.ClientPayloadError):
                await reply.read()
    await one.stop()
    assert await one.entries() == [("posted", {"reply": "0.54", "cut": "0.25"}[entry], entry)]


async def test_a_trusted_upstream_states_what_it_did_cost(gateway, talker, environment):
    keys = {"trust_actual_cost": True}
    one = await gateway(talker.url, environment=environment, upstream_keys=keys)
    talker.go_on.set()
    for stated in (["0.123456"], ["0"], ["1e3"], ["0.1", "0.1"]):
        talker.stated = stated
        async with one.client() as client, client.get("/paid/x") as reply:
            assert await reply.read() == b"fourteen."
            assert "X-Caracal-Actual-Cost" not in reply.headers
            expected = stated[0] if len(stated) == 1 and stated != ["1e3"] else "0.25"
            assert reply.headers["X-Caracal-Cost"] == expected
    assert await one.metric("caracal_costs_misstated_total") == 2
    await one.stop()
    amounts = [amount for _, amount, _ in await one.entries()]
    assert amounts == ["0.123456", "0", "0.25", "0.25"]


async def test_an_idempotency_key_is_read_strictly_and_never_goes_on_as_it_is(gateway, talker):
    one = await gateway(talker.url)
    talker.go_on.set()
    body, too_long = bytes(2**20), bytes(2**20 + 1)
    async with one.client() as client:
        for key, data, status in [("k", body, 200), ("k" * 256, b"", 400), ("n", too_long, 400)]:
            headers = {"Idempotency-Key": key}
            async with client.post("/paid/x", data=BytesIO(data), headers=headers) as reply:
                assert reply.status == status
                said = await reply.read()
            assert status == 200 or b"Idempotency-Key" in said
            async with client.post("/free/x", data=BytesIO(data), headers=headers) as reply:
                assert reply.status == 200
    sent = [headers.get("Idempotency-Key") for headers in talker.got]
    assert not {"k", "n", "k" * 256} & set(sent)
    assert len(talker.got) == 4
    assert sent[0] == sent[1]


async def test_two_keys_are_400(gateway, talker):
    one = await gateway(talker.url)
    fields = [("Idempotency-Key", "a"), ("Idempotency-Key", "b"), *one.authorization.items()]
    async with (
        aiohttp.ClientSession(one.url) as client,
        client.post("/paid/x", headers=fields) as reply,
    ):
        assert reply.status == 400
    assert talker.got == []
