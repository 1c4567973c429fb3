"""Whatever happens behind the edge, the client gets an answer of the gateway's own wording."""

import asyncio
import json

import pytest

from caracal_core.domain import Headers, Money, Reply
from caracal_core.edge.app import GatewayApp
from caracal_core.errors import BudgetExceeded, Denied, Failure, NoRoute, Unauthenticated
from caracal_core.errors import UpstreamTimeout as Late

GET = b"GET /a?b HTTP/1.1\r\nhost: a\r\n\r\n"


async def test_a_stock_client_is_served(sanic_client, app, door):
    """pytest-sanic's own client, which is httpx, on the application under its own fixture."""
    client = await sanic_client(app)
    response = await client.post("/a?b=c", content=b"hello", headers={"x-one": "1"})
    assert response.status_code == 200
    assert response.text == "POST /a?b=c hello"
    assert door.requests[0].headers.get("x-one") == "1"


async def test_an_exchange_is_one_request_and_its_reply(edge):
    told = await edge.ask(b"POST /a?b HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\n\r\nhello")
    assert (told.status, told.body) == (200, b"POST /a?b hello")
    (request,) = edge.door.requests
    assert told.field("x-request-id") == request.id
    assert request.connection.peer == "127.0.0.1"
    assert not request.connection.tls


@pytest.mark.parametrize(
    "error",
    [
        NoRoute(),
        Denied("secret"),
        Unauthenticated("secret", challenges=["Bearer"]),
        Failure("part", "secret"),
        Late("upstream", "secret"),
    ],
    ids=lambda error: error.code,
)
async def test_what_the_corridor_raises_is_worded(edge, error):
    async def refuse(request, deliver):
        raise error

    edge.door.answer = refuse
    told = await edge.ask(GET)
    document = json.loads(told.body)
    assert told.status == document["status"] == error.status
    assert document["code"] == error.code
    assert document["instance"] == told.field("x-request-id") == edge.door.requests[0].id
    assert told.field("content-type") == "application/problem+json"
    assert b"secret" not in told.body


@pytest.mark.parametrize(
    "error",
    [KeyError("hunter2"), ExceptionGroup("hunter2", [OSError()]), SystemExit("hunter2")],
    ids=["an error", "a group", "an exit, which would end the whole process"],
)
async def test_any_other_exception_is_a_failure_without_its_message(edge, caplog, error):
    async def crash(request, deliver):
        raise error

    edge.door.answer = crash
    client = await edge.connect()
    await client.send(GET)
    told = await client.told()
    assert (told.status, json.loads(told.body)["code"]) == (503, "unavailable")
    assert told.field("connection") == "close"
    assert await client.rest() == b""
    assert b"Traceback" not in told.body
    (record,) = [r for r in caplog.records if r.name == "caracal.edge"]
    assert edge.door.requests[0].id in record.getMessage()
    assert f"raised {type(error).__name__} in crash" in record.getMessage()
    assert "hunter2" not in caplog.text


async def test_an_exchange_that_cancels_itself_is_a_failure(edge):
    """Sanic would close the connection without a word."""

    async def stray(request, deliver):
        raise asyncio.CancelledError

    edge.door.answer = stray
    assert (await edge.ask(GET)).status == 503


async def test_an_exchange_that_answers_nothing_is_a_failure(edge):
    async def silent(request, deliver):
        pass

    edge.door.answer = silent
    assert (await edge.ask(GET)).status == 503


@pytest.mark.parametrize(("ready", "status", "word"), [(True, 200, b"ok"), (False, 503, None)])
async def test_health_is_a_bare_word(edge, ready, status, word):
    edge.door.ready = ready
    told = await edge.ask(b"GET /health?a HTTP/1.1\r\nhost: a\r\n\r\n")
    assert (told.status, told.body) == (status, word or b"unavailable")
    assert told.field("content-type") == "text/plain"
    assert told.field("x-request-id")
    assert not edge.door.requests
    told = await edge.ask(b"HEAD /health HTTP/1.1\r\nhost: a\r\n\r\n")
    assert (told.status, told.body) == (status, b"")


async def test_health_is_only_looked_at(edge):
    told = await edge.ask(b"POST /health HTTP/1.1\r\nhost: a\r\n\r\n")
    assert (told.status, told.field("allow")) == (405, "GET, HEAD")
    told = await edge.ask(b"GET /health/ HTTP/1.1\r\nhost: a\r\n\r\n")
    assert told.body == b"GET /health/?"


async def test_without_a_health_path_every_path_is_the_doors(sanic_client, door):
    client = await sanic_client(GatewayApp("edge-without-health", door, health_path=None))
    assert (await client.get("/health")).text == "GET /health?"


async def test_a_house_that_cannot_take_note_of_a_refusal_keeps_nobody_waiting(edge, monkeypatch):
    def crash(*arguments):
        raise KeyError

    monkeypatch.setattr(edge.door, "refused", crash)
    assert (await edge.ask(b"GET / HTTP/1.1\r\n\r\n")).status == 400


async def test_budget_members_reach_the_client(edge):
    async def short(request, deliver):
        raise BudgetExceeded(Money(250_000, "USD"), "agent", "day", Money(0, "USD"))

    edge.door.answer = short
    told = await edge.ask(GET)
    assert (told.status, told.field("x-should-retry")) == (402, "false")
    assert json.loads(told.body)["available"] == "0"


async def test_no_page_of_sanics_is_ever_shown(edge):
    """Neither for what it would call not found, nor for what it cannot parse."""
    for raw in (b"GET /docs HTTP/1.1\r\nhost: a\r\n\r\n", b"\x00\r\n\r\n"):
        told = await edge.ask(raw)
        assert b"Sanic" not in told.body
        assert "server" not in dict(told.fields)


async def test_a_reply_is_handed_on_with_its_own_fields(edge, stream):
    fields = [("set-cookie", "a=1"), ("content-type", "text/x"), ("set-cookie", "b=2")]

    async def reply(request, deliver):
        async def settle():
            pass

        await deliver(Reply(201, Headers(fields), stream(b"x"), 1), settle)

    edge.door.answer = reply
    told = await edge.ask(GET)
    assert told.status == 201
    assert told.fields[:3] == fields
