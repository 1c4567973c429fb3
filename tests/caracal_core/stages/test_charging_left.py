"""A client that leaves before its request went out costs nothing, and nothing is asked for it."""

import asyncio

from caracal_core.domain import Headers, Quote, Reply
from caracal_core.testing.fakes import TrivialObserver, a_request, a_route, usd
from caracal_core.testing.fakes.script import stream
from caracal_core.testing.rehearsal import Rehearsal


class _Metered:
    """A tariff whose replies are to be read for their cost."""

    names = frozenset({"test-tariff"})

    async def quote(self, request, route, principal):
        return Quote(usd("0.25"), metered=True)


class _Full:
    """An upstream whose calls wait for a connection before they send.

    Attributes:
        waits: set once a call waits.
        go_on: set it to let it send.
    """

    reply_seconds = 30.0

    def __init__(self):
        self.waits, self.go_on = asyncio.Event(), asyncio.Event()

    def send(self, request, route, on_sent):
        return _Call(self, on_sent)


class _Call:
    def __init__(self, upstream, on_sent):
        self._upstream, self._on_sent = upstream, on_sent

    async def __aenter__(self):
        self._upstream.waits.set()
        await self._upstream.go_on.wait()
        self._on_sent()
        return Reply(200, Headers(), stream([b"ok"]))

    async def __aexit__(self, *_):
        return None


async def test_its_call_is_given_up_at_once():
    upstream, observer = _Full(), TrivialObserver()
    terms = a_route(tariff="test-tariff").terms
    parts = {"upstreams": {"test-upstream": upstream}, "tariff": _Metered()}
    async with Rehearsal(terms=terms, observers=[observer], **parts) as house:
        house.ledger.limit("test-agent", usd("1"))
        call = asyncio.ensure_future(house.call(a_request()))
        await upstream.waits.wait()
        call.cancel()
        await asyncio.wait([call], timeout=0.5)
        upstream.go_on.set()
        await asyncio.wait([call])
        await house.gateway.observation.drain()
    [story] = observer.exchanges
    assert (story.cause, story.posted) == ("not_sent", usd("0"))
