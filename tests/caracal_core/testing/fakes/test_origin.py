"""The origin speaks real HTTP over a real socket, and breaks it exactly where told."""

import asyncio

import pytest

from caracal_core.testing.fakes import Origin
from caracal_core.testing.fakes.script import (
    Answer,
    Cut,
    Echo,
    Garbage,
    Hold,
    Reset,
    Silence,
)

GET = b"GET /a?b HTTP/1.1\r\nHost: x\r\nX-One: A\r\nx-one: B\r\n\r\n"


@pytest.fixture
async def origin():
    async with Origin() as origin:
        yield origin


@pytest.fixture
async def dial(origin):
    """Open a connection to the origin."""
    writers = []

    async def connect():
        reader, writer = await asyncio.open_connection("127.0.0.1", origin.port)
        writers.append(writer)
        return reader, writer

    yield connect
    for writer in writers:
        writer.close()


async def _talk(dial, *requests):
    """Send requests over one connection, hang up, and return everything that came."""
    reader, writer = await dial()
    writer.writelines(requests)
    writer.write_eof()
    return await asyncio.wait_for(reader.read(), 10)


async def test_it_answers_and_keeps_the_request(origin, dial):
    assert origin.url == f"http://127.0.0.1:{origin.port}"
    origin.will(Answer(201, (("x-word", "one"),), (b"a", b"b")))
    assert await _talk(dial, GET) == (
        b"HTTP/1.1 201 Test\r\nx-word: one\r\ncontent-length: 2\r\n\r\nab"
    )
    (received,) = origin.received
    assert (received.method, received.target, received.body) == ("GET", "/a?b", b"")
    assert received.headers.all("x-one") == ("A", "B")


async def test_it_keeps_the_connection_after_a_clean_answer(origin, dial):
    origin.will(Answer(declared=False), Answer(204), Answer(304))
    heard = await _talk(dial, GET, GET, GET)
    assert heard.startswith(
        b"HTTP/1.1 200 Test\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n"
    )
    assert heard.count(b"HTTP/1.1") == 3
    assert heard.endswith(b"\r\n\r\n")


async def test_a_head_request_gets_no_body(origin, dial):
    assert (await _talk(dial, GET.replace(b"GET", b"HEAD"))).endswith(b"\r\n\r\n")


@pytest.mark.parametrize(
    "framed",
    [
        b"Content-Length: 4\r\n\r\nbody",
        b"Transfer-Encoding: chunked\r\n\r\n3\r\nbod\r\n1\r\ny\r\n0\r\n\r\n",
    ],
)
async def test_it_echoes_bodies_of_both_framings(origin, dial, framed):
    origin.will(Echo())
    heard = await _talk(dial, b"POST /a?b HTTP/1.1\r\n" + framed)
    assert heard.endswith(b"\r\n\r\n/a?b\nbody")


@pytest.mark.parametrize(
    ("step", "heard"),
    [
        (Cut((b"half",)), b"HTTP/1.1 200 Test\r\ncontent-length: 5\r\n\r\nhalf"),
        (
            Cut((b"half",), declared=False),
            b"HTTP/1.1 200 Test\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n",
        ),
        (Garbage(), b"\x00\x01 this is not HTTP\r\n\r\n"),
        (Silence(), b""),
    ],
)
async def test_it_breaks_off_where_told(origin, dial, step, heard):
    origin.will(step)
    assert await _talk(dial, GET) == heard


async def test_it_resets(origin, dial):
    origin.will(Reset())
    with pytest.raises(ConnectionResetError):
        await _talk(dial, GET)


async def test_it_holds_until_the_caller_leaves(origin, dial):
    origin.will(Hold(b"first"))
    reader, writer = await dial()
    writer.write(GET)
    await asyncio.wait_for(reader.readuntil(b"first\r\n"), 10)
    working = asyncio.ensure_future(origin.idle())
    await asyncio.sleep(0)
    assert not working.done()
    writer.close()
    await asyncio.wait_for(working, 10)


async def test_it_refuses_after_it_left(origin, dial):
    await dial()
    await origin.leave()
    assert origin.open_connections == 0
    with pytest.raises(ConnectionRefusedError):
        await dial()
