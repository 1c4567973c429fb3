"""A small real upstream: plain, streaming, slow, large and failing endpoints."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

EVENTS = 5
EVENT_SECONDS = 0.4
LARGE_BYTES = 50 * 2**20
SLOW_SECONDS = 3.0

_BLOCK = b"\0" * 2**16


async def echo(request: web.Request) -> web.Response:
    """Answer with what arrived: method, path, header names and the body's size."""
    size = 0
    async for data in request.content.iter_chunked(2**16):
        size += len(data)
    seen = sorted(name.lower() for name in request.headers)
    return web.json_response(
        {"method": request.method, "path": request.path_qs, "headers": seen, "body_bytes": size}
    )


async def stream(request: web.Request) -> web.StreamResponse:
    """Send five events, one each 0.4 s."""
    reply = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await reply.prepare(request)
    for number in range(1, EVENTS + 1):
        await reply.write(f"data: {json.dumps({'event': number})}\n\n".encode())
        if number < EVENTS:
            await asyncio.sleep(EVENT_SECONDS)
    return reply


async def slow(_request: web.Request) -> web.Response:
    """Answer after 3 s."""
    await asyncio.sleep(SLOW_SECONDS)
    return web.json_response({"slept_seconds": SLOW_SECONDS})


async def large(request: web.Request) -> web.StreamResponse:
    """Send 50 MiB."""
    reply = web.StreamResponse(headers={"Content-Length": str(LARGE_BYTES)})
    await reply.prepare(request)
    for _ in range(LARGE_BYTES // len(_BLOCK)):
        await reply.write(_BLOCK)
    return reply


async def fail(_request: web.Request) -> web.Response:
    """Answer 500."""
    return web.json_response({"error": "this endpoint always fails"}, status=500)


@asynccontextmanager
async def demo_upstream() -> AsyncIterator[int]:
    """Run the upstream on a free loopback port; yields the port."""
    app = web.Application()
    app.router.add_route("*", "/stream", stream)
    app.router.add_route("*", "/slow", slow)
    app.router.add_route("*", "/large", large)
    app.router.add_route("*", "/fail", fail)
    app.router.add_route("*", "/{path:.*}", echo)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()
