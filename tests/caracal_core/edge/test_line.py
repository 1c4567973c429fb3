"""A served connection is a `Line`: it waits for bytes and writes them, and never waits for ever."""

import asyncio

import pytest

from caracal_core.edge.line import Line
from caracal_core.errors import RequestTimeout

GET = b"GET / HTTP/1.1\r\nhost: a\r\n\r\n"


@pytest.fixture
async def line(edge):
    """The line of a client whose request is being served, its client, and what ends it."""
    began, end = asyncio.Event(), asyncio.Event()

    async def answer(request, deliver):
        began.set()
        await end.wait()

    edge.door.answer = answer
    client = await edge.connect()
    await client.send(GET)
    await asyncio.wait_for(began.wait(), 10)
    (connection,) = edge.connections
    yield connection, client
    end.set()


async def test_it_has_all_that_a_line_has(line):
    wanted = {name for name in vars(Line) if not name.startswith("_")}
    assert wanted
    assert all(hasattr(line[0], name) for name in wanted)


async def test_silence_ends_a_wait(line):
    with pytest.raises(RequestTimeout):
        await line[0].receive(0.01)


async def test_a_wait_ends_with_what_came(edge, line):
    connection, client = line
    waiting = asyncio.create_task(connection.receive(10))
    await edge.until(lambda: connection._arrival)
    await client.send(b"abc")
    assert 0 <= await waiting < 10
    assert connection.received == b"abc"


async def test_a_reader_that_outlived_its_exchange_takes_nothing_from_the_next(edge, line):
    connection, client = line
    old = asyncio.create_task(connection.receive(10))
    await edge.until(lambda: connection._arrival)
    new = asyncio.create_task(connection.receive(10))
    await asyncio.wait([old], timeout=10)
    assert old.cancelled()
    await client.send(b"abc")
    assert 0 <= await new < 10


@pytest.mark.parametrize("verb", ["receive", "send"])
async def test_after_a_hang_up_nothing_waits_and_nothing_is_written(edge, line, verb):
    """A part may have swallowed the hang-up's cancellation; the next step finds it again."""
    connection, client = line
    await client.close()
    await edge.until(lambda: connection.transport is None)
    task = asyncio.create_task(
        connection.receive(10) if verb == "receive" else connection.send(b"")
    )
    await asyncio.wait([task], timeout=10)
    assert task.cancelled()


async def test_a_cut_line_can_be_cut_again_and_closed(line):
    connection, client = line
    connection.abort()
    connection.abort()
    connection.end_writing()
    connection.close()
    assert await client.rest() == b""
    connection.abort()
