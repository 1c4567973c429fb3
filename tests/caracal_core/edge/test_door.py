"""What the edge asks of the house: its limits, its state, and that it hears of refusals."""

import json

import pytest

from caracal_core.edge.limits import Limits

GET = b"GET / HTTP/1.1\r\nhost: a\r\n\r\n"


async def test_a_connection_keeps_the_limits_it_began_with(edge):
    first = await edge.connect()
    await first.send(GET)
    assert (await first.told()).status == 200
    edge.door.limits = Limits(header_count=1)
    second = await edge.connect()
    for client, status in ((first, 200), (second, 431)):
        await client.send(b"GET / HTTP/1.1\r\nhost: a\r\nb: c\r\n\r\n")
        assert (await client.told()).status == status


async def test_while_the_house_drains_answers_end_their_connections(edge):
    client = await edge.connect()
    await client.send(GET)
    assert (await client.told()).field("connection") is None
    edge.door.accepting = False
    await client.send(GET)
    told = await client.told()
    assert (told.status, told.field("connection")) == (200, "close")
    assert await client.rest() == b""


@pytest.mark.parametrize(
    ("raw", "status", "code"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", 400, "bad_request"),
        (b"GET / HTTP/1.1\r\nhost: a\r\nupgrade: websocket\r\n\r\n", 426, "upgrade_refused"),
        (b"GET / HTTP/1.1\r\nhost: a" + b"\r\na: b" * 100 + b"\r\n\r\n", 431, "bad_request"),
    ],
)
async def test_the_house_hears_of_what_never_became_a_request(edge, raw, status, code):
    told = await edge.ask(raw)
    assert told.status == status
    ((name, peer, error),) = edge.door.turned_away
    assert (name, peer) == (told.field("x-request-id"), "127.0.0.1")
    assert error.code == code == json.loads(told.body)["code"]
    assert not edge.door.requests
