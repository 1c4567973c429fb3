"""The demo's upstream: an echo, a stream, a slow, a large and a failing endpoint."""

import aiohttp
import pytest

from caracal_core.cli.demo import upstream
from caracal_core.cli.demo.upstream import EVENTS, LARGE_BYTES, demo_upstream


@pytest.fixture
async def ask(monkeypatch):
    """Ask the upstream, which hurries; return status, type and body."""
    monkeypatch.setattr(upstream, "EVENT_SECONDS", 0)
    monkeypatch.setattr(upstream, "SLOW_SECONDS", 0)
    async with demo_upstream() as port, aiohttp.ClientSession() as session:

        async def ask(path, data=None):
            method = "POST" if data else "GET"
            async with session.request(
                method, f"http://127.0.0.1:{port}{path}", data=data
            ) as reply:
                return reply.status, reply.content_type, await reply.read()

        yield ask


async def test_the_echo_names_what_arrived_and_no_value_of_a_header(ask):
    status, kind, body = await ask("/any/where?a=b", b"12345")
    assert (status, kind) == (200, "application/json")
    assert b'"path": "/any/where?a=b"' in body
    assert b'"method": "POST"' in body
    assert b'"body_bytes": 5' in body
    assert b'"user-agent"' in body
    assert b"aiohttp" not in body


async def test_the_stream_is_of_events(ask):
    status, kind, body = await ask("/stream")
    assert (status, kind) == (200, "text/event-stream")
    assert body.count(b"data: ") == body.count(b"\n\n") == EVENTS


async def test_the_large_one_is_as_large_as_it_says(ask):
    status, _, body = await ask("/large")
    assert (status, len(body)) == (200, LARGE_BYTES)


@pytest.mark.parametrize(("path", "status"), [("/slow", 200), ("/fail", 500)])
async def test_the_slow_one_answers_and_the_failing_one_fails(ask, path, status):
    assert (await ask(path))[0] == status
