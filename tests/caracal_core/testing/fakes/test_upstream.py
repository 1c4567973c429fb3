"""The fake upstream lets a test read what it was sent; the rest its contract proves."""

import asyncio

from caracal_core.testing.fakes import FakeUpstream, a_request, a_route
from caracal_core.testing.fakes.script import Silence


async def test_it_keeps_what_an_upstream_would_have_got():
    upstream = FakeUpstream()
    request = a_request("POST", headers={"Accept": "a/b", "Cookie": "c"}, body=b"body")
    async with upstream.send(request, a_route(target="/x?y"), lambda: None) as reply:
        assert [data async for data in reply.body] == [b"ok"]
    (received,) = upstream.received
    assert (received.method, received.target, received.body) == ("POST", "/x?y", b"body")
    assert list(received.headers) == [("accept", "a/b")]


async def test_a_call_in_progress_can_be_waited_for():
    upstream = FakeUpstream()
    upstream.will(Silence())
    call = asyncio.ensure_future(upstream.send(a_request(), a_route(), lambda: None).__aenter__())
    await upstream.begun()
    call.cancel()
    await asyncio.gather(call, return_exceptions=True)
    await upstream.idle()
