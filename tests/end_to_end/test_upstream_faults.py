"""What an upstream can do wrong, what the client then gets, and what the ledger then says."""

import asyncio
import json
from contextlib import AsyncExitStack

import aiohttp
import pytest

from caracal_core.builtin.upstreams.reply_parser import MAX_HEAD_BYTES
from caracal_core.testing.fakes.script import Answer, Cut, Garbage, Reset, Silence

POSTED, VOIDED = "0.25", "0"


async def fetch(gateway, path="/paid/x"):
    """Return status, headers and body; the body is the error's name where it broke off."""
    async with (
        aiohttp.ClientSession() as session,
        session.get(
            gateway.url + path, headers=gateway.authorization, allow_redirects=False
        ) as reply,
    ):
        try:
            body = await reply.read()
        except aiohttp.ClientError as error:
            body = type(error).__name__
        return reply.status, reply.headers, body


@pytest.mark.parametrize(
    ("step", "status", "cause"),
    [
        (Reset(), 502, "upstream_failed"),
        (Garbage(), 502, "upstream_failed"),
        (Silence(), 504, "upstream_timeout"),
        (Answer(503), 503, "error_status"),
    ],
)
@pytest.mark.parametrize("rule", ["post", "void"])
async def test_a_fault_is_worded_and_settled_by_the_routes_rule(
    gateway, origin, step, status, cause, rule
):
    one = await gateway(origin.url, settle={cause: rule}, request_timeout=1)
    origin.will(step)
    got, headers, _ = await fetch(one)
    assert got == status
    assert len(headers["X-Request-ID"]) == 32
    expected = ("posted", POSTED, cause) if rule == "post" else ("voided", VOIDED, cause)
    await one.stop()
    assert (await one.entries(), await one.open_holds()) == ([expected], [])


@pytest.mark.parametrize(
    ("step", "code", "detail"),
    [
        (Reset(), "upstream_unreachable", "The upstream could not be reached."),
        (Garbage(), "upstream_broken_reply", "The upstream's reply could not be read."),
        (
            Answer(headers=(("x-long", "x" * MAX_HEAD_BYTES),)),
            "upstream_broken_reply",
            "The upstream's reply could not be read.",
        ),
    ],
    ids=["reset", "garbage", "large head"],
)
async def test_an_upstream_that_answered_is_not_said_to_be_out_of_reach(
    gateway, origin, step, code, detail
):
    one = await gateway(origin.url)
    origin.will(step)
    status, _, body = await fetch(one)
    said = json.loads(body)
    assert (status, said["code"], said["detail"]) == (502, code, detail)
    await one.stop()
    (story,) = one.stories
    assert story["code"] == code


@pytest.mark.parametrize("declared", [True, False])
async def test_a_reply_cut_after_its_head_is_cut_for_the_client_too(gateway, origin, declared):
    one = await gateway(origin.url, settle={"cut": "post"})
    origin.will(Cut(declared=declared))
    status, _, body = await fetch(one)
    assert (status, body) == (200, "ClientPayloadError")
    await one.stop()
    assert one.stories[0]["code"] == "upstream_broken_reply"
    assert (await one.entries(), await one.open_holds()) == ([("posted", POSTED, "cut")], [])


async def test_an_upstream_that_refuses_costs_nothing_for_nothing_was_sent(gateway, origin):
    one = await gateway(origin.url, settle={"upstream_failed": "post"})
    await origin.leave()
    status, _, _ = await fetch(one)
    assert status == 502
    await one.stop()
    assert (await one.entries(), await one.open_holds()) == ([("voided", VOIDED, "not_sent")], [])


async def test_a_redirect_is_passed_through_and_paid_and_not_followed(gateway, origin):
    one = await gateway(origin.url)
    origin.will(Answer(302, headers=(("Location", f"{origin.url}/elsewhere"),)))
    status, headers, _ = await fetch(one)
    assert (status, headers["Location"]) == (302, f"{origin.url}/elsewhere")
    assert len(origin.received) == 1
    await one.stop()
    assert await one.entries() == [("posted", POSTED, "reply")]


async def test_the_journal_says_what_the_head_said(gateway, origin):
    one = await gateway(origin.url)
    _, headers, _ = await fetch(one)
    await one.stop()
    [entry] = one.listed("ledger", "query")
    assert (entry["charge"], entry["request"]) == (
        headers["X-Caracal-Charge-Id"],
        headers["X-Request-ID"],
    )
    assert (headers["X-Caracal-Cost"], entry["amount"]) == (POSTED, POSTED)
    [story] = one.stories
    assert (story["id"], story["charge"], story["posted"]["micro"]) == (
        entry["request"],
        entry["charge"],
        250_000,
    )
    assert one.token not in str(one.stories) + one.log


@pytest.fixture
async def curt():
    """Start an upstream that says this to a head, whatever comes of the body, and closes."""
    async with AsyncExitStack() as stack:

        async def curt(said):
            async def serve(reader, writer):
                await reader.readuntil(b"\r\n\r\n")
                writer.write(said)
                await writer.drain()
                writer.write_eof()
                await reader.read()
                writer.close()

            server = await asyncio.start_server(serve, "127.0.0.1", 0)
            stack.push_async_callback(server.wait_closed)
            stack.callback(server.close)
            return f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"

        yield curt


@pytest.mark.parametrize("length", [5000, 200_000])
@pytest.mark.parametrize(
    ("said", "status", "entry"),
    [
        (b"HTTP/1.1 413 Too\r\nContent-Length: 2\r\n\r\nno", b"413", "error_status"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", b"200", "reply"),
        (b"", b"502", "upstream_failed"),
    ],
    ids=["refuses", "answers", "closes"],
)
async def test_a_client_that_is_still_sending_hears_what_the_upstream_said(
    gateway, curt, length, said, status, entry
):
    """It costs what that reply costs, and not what a client does that never sends its rest."""
    rules = {"client_gone": "post", "upstream_failed": "void", "error_status": "void"}
    one = await gateway(await curt(said), settle=rules)
    head = f"POST /paid/x HTTP/1.1\r\nHost: g\r\nAuthorization: Bearer {one.token}\r\n"
    reader, writer = await asyncio.open_connection("127.0.0.1", one.port)
    writer.write(f"{head}Content-Length: {length}\r\n\r\n".encode() + b"x" * 1200)
    assert (await reader.readline()).startswith(b"HTTP/1.1 " + status)
    await reader.read()
    writer.close()
    await one.stop()
    expected = ("posted", POSTED, entry) if entry == "reply" else ("voided", VOIDED, entry)
    assert (await one.entries(), await one.open_holds()) == ([expected], [])


@pytest.mark.parametrize(
    ("rule", "entry"),
    [("void", ("voided", VOIDED, "error_status")), ("post", ("posted", POSTED, "cut"))],
)
async def test_an_error_that_breaks_off_is_settled_as_an_error_where_errors_are_void(
    gateway, curt, rule, entry
):
    said = b"HTTP/1.1 503 No\r\nContent-Length: 20\r\n\r\nhalf"
    one = await gateway(await curt(said), settle={"cut": "post", "error_status": rule})
    status, _, body = await fetch(one)
    assert (status, body) == (503, "ClientPayloadError")
    await one.stop()
    assert (await one.entries(), await one.open_holds()) == ([entry], [])
