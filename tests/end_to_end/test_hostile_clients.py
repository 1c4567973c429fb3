"""Requests that try to be two things at once, or never end: refused, closed, and free of charge."""

import asyncio
import re

import pytest

from caracal_core.testing.fakes.origin import Origin

STATUS_LINE = re.compile(rb"HTTP/1\.1 [0-9]{3} ")

REQUESTS = {
    "a byte that is no token in a header's name": (
        b"GET /paid/x HTTP/1.1\r\nHost: g\r\nX-Caracal-Principal\x80: root\r\n{token}\r\n\r\n",
        b"400",
    ),
    "both lengths": (
        b"POST /paid/x HTTP/1.1\r\nHost: g\r\n{token}\r\nContent-Length: 5\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"400",
    ),
    "two hosts": (b"GET /paid/x HTTP/1.1\r\nHost: g\r\nHost: h\r\n{token}\r\n\r\n", b"400"),
    "no host": (b"GET /paid/x HTTP/1.1\r\n{token}\r\n\r\n", b"400"),
    "two lengths": (
        b"POST /paid/x HTTP/1.1\r\nHost: g\r\n{token}\r\nContent-Length: 1\r\n"
        b"Content-Length: 1\r\n\r\nx",
        b"400",
    ),
    "two credentials": (b"GET /paid/x HTTP/1.1\r\nHost: g\r\n{token}\r\n{token}\r\n\r\n", b"400"),
    "a dot segment": (b"GET /paid/a/%2e%2e/b HTTP/1.1\r\nHost: g\r\n{token}\r\n\r\n", b"400"),
    "an encoded slash": (b"GET /paid/a%2fb HTTP/1.1\r\nHost: g\r\n{token}\r\n\r\n", b"400"),
    "an upgrade": (
        b"GET /paid/x HTTP/1.1\r\nHost: g\r\n{token}\r\nConnection: upgrade\r\n"
        b"Upgrade: websocket\r\n\r\n",
        b"426",
    ),
    "another protocol": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"400"),
}

CHUNKED = {
    "a chunk size with a prefix": b"0x5\r\nhello\r\n0\r\n\r\n",
    "a chunk that ends otherwise": b"5\r\nhelloXX0\r\n\r\n",
    "a bare CR in an extension": b"5;a\rb\r\nhello\r\n0\r\n\r\n",
    "a chunk size in other digits": "٥\r\nhello\r\n0\r\n\r\n".encode(),
}


def token(gateway):
    return f"Authorization: Bearer {gateway.token}".encode()


async def test_what_is_ambiguous_is_refused_and_the_connection_closed(gateway, origin):
    """One gateway for all of them: each refusal must leave it as it was."""
    one = await gateway(origin.url)
    for name, (request, status) in REQUESTS.items():
        answer = await one.raw(request.replace(b"{token}", token(one)))
        assert answer.startswith(b"HTTP/1.1 " + status), (name, answer)
        assert len(STATUS_LINE.findall(answer)) == 1, name
        assert b"x-request-id" in answer.lower(), name
    assert origin.received == []
    await one.stop()
    assert (await one.entries(), await one.open_holds()) == ([], [])
    refused = [story for story in one.stories if story["status"] in {400, 426}]
    assert len(refused) == len(REQUESTS)


async def test_a_body_that_breaks_its_framing_never_becomes_a_whole_request(gateway, origin):
    one = await gateway(origin.url, settle={"client_gone": "void"})
    head = b"POST /paid/x HTTP/1.1\r\nHost: g\r\n%b\r\nTransfer-Encoding: chunked\r\n\r\n"
    for name, body in CHUNKED.items():
        answer = await one.raw(head % token(one) + body)
        assert answer.startswith(b"HTTP/1.1 400"), (name, answer)
    await origin.idle()
    assert origin.received == []
    await one.stop()
    assert await one.open_holds() == []
    assert {kind for kind, _, _ in await one.entries()} <= {"voided"}


@pytest.mark.parametrize("part", ["head", "body"])
async def test_one_byte_a_second_is_given_up(gateway, part):
    """The head has ten seconds in all; a body must bring a thousand bytes in ten.

    Nothing went to the upstream, so nothing is paid for, whatever the route's rule says.
    """
    async with Origin() as origin:
        one = await gateway(origin.url, settle={"client_gone": "post"})
        head = b"POST /paid/x HTTP/1.1\r\nHost: g\r\n%b\r\nContent-Length: 5000\r\n\r\n"
        sent = head % token(one)
        cut = 20 if part == "head" else len(sent)
        rest = sent[cut:] + b"x" * 5000
        async with one.connected() as (reader, writer), asyncio.timeout(30):
            writer.write(sent[:cut])
            dripping = asyncio.create_task(drip(writer, rest))
            answer = await reader.read()
            dripping.cancel()
        assert answer.startswith(b"HTTP/1.1 408")
        await origin.idle()
        assert origin.received == []
        await one.stop()
        assert await one.open_holds() == []
        causes = [story["cause"] for story in one.stories if story["charge"]]
        assert causes == ([] if part == "head" else ["not_sent"])


async def drip(writer, data):
    """Send one byte a second: this is the very thing that is tested, not a synchronisation."""
    for byte in data:
        writer.write(bytes([byte]))
        await asyncio.sleep(1)


async def upload(writer, block, count, *, chunked):
    for _ in range(count):
        writer.write(b"%x\r\n%b\r\n" % (len(block), block) if chunked else block)
        await writer.drain()


@pytest.mark.parametrize("chunked", [True, False])
async def test_a_body_over_the_limit_is_413_and_never_a_whole_request(gateway, origin, chunked):
    one = await gateway(origin.url, max_request_size_mb=10, settle={"client_gone": "void"})
    block, count = b"x" * 2**16, 11 * 16
    framing = b"Transfer-Encoding: chunked" if chunked else b"Content-Length: %d" % (11 * 2**20)
    head = b"POST /paid/x HTTP/1.1\r\nHost: g\r\n%b\r\n%b\r\n\r\n" % (token(one), framing)
    async with one.connected() as (reader, writer), asyncio.timeout(30):
        writer.write(head)
        uploading = asyncio.create_task(upload(writer, block, count, chunked=chunked))
        answer = await reader.read()
        uploading.cancel()
        await asyncio.wait([uploading])
    assert answer.startswith(b"HTTP/1.1 413"), answer
    await origin.idle()
    assert origin.received == []
    await one.stop()
    assert await one.open_holds() == []
