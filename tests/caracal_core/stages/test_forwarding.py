"""The upstream's reply comes in time or not at all, and leaving always ends its work."""

import asyncio
import contextlib

import pytest

from caracal_core.domain import Headers, Quote, Reply
from caracal_core.errors import Denied, Failure, UpstreamTimeout, UpstreamUnreachable
from caracal_core.stages.forwarding import Forwarding
from caracal_core.stages.part import Part
from caracal_core.testing.fakes.behaviour import allow, broken, deny, junk, slow
from caracal_core.testing.fakes.parts import TrivialReplyFilter, TrivialUpstream
from caracal_core.testing.fakes.request import FakeBody, a_request
from caracal_core.testing.fakes.script import stream
from caracal_core.testing.fakes.values import a_principal, a_route, usd


def forwarding(upstream, *filters):
    parts = [Part("filter", f.filter, (Reply,), 5) for f in filters]
    return Forwarding({"test-upstream": upstream}, parts, frozenset({"x-their-token"}))


def nothing():
    """The corridor's on_sent, where nobody looks."""


@pytest.fixture
def send(watched):
    def start(stage, request=None, route=None, inside=None, quote=None):
        async def work(due):
            given, at = request or a_request(), route or a_route()
            context = stage.send(given, at, a_principal(), quote, due, nothing)
            async with context as answer:
                reply = await stage.filter(answer, route or a_route(), due)
                if inside:
                    await inside(reply)
                return reply.status, [data async for data in reply.body]

        return watched(work)

    return start


async def test_the_reply_comes_back_and_the_upstream_is_left(send):
    journal = []
    assert await send(forwarding(TrivialUpstream(journal=journal))) == (200, [b"ok"])
    assert journal == ["send", "leave"]


async def test_a_late_upstream_is_504_by_the_routes_own_limit(send):
    with pytest.raises(UpstreamTimeout):
        await send(forwarding(TrivialUpstream(slow)), route=a_route(reply_seconds=0.01))


async def test_a_late_upstream_is_504_by_its_own_limit(send):
    with pytest.raises(UpstreamTimeout):
        await send(forwarding(TrivialUpstream(slow, reply_seconds=0.01)))


@pytest.mark.parametrize("behave", [broken, junk])
async def test_a_broken_upstream_part_is_a_failure(send, behave):
    with pytest.raises(Failure):
        await send(forwarding(TrivialUpstream(behave)))


@pytest.mark.parametrize(
    ("raised", "expected"), [(RuntimeError, Failure), (SystemExit, Failure), (Denied, Denied)]
)
async def test_what_an_upstream_raises_before_its_context_is_a_failure_or_its_own_refusal(
    send, raised, expected
):
    class Broken(TrivialUpstream):
        def send(self, request, route, on_sent):
            raise raised

    with pytest.raises(expected):
        await send(forwarding(Broken()))


async def test_an_address_that_may_not_be_dialled_is_denied(send):
    with pytest.raises(Denied):
        await send(forwarding(TrivialUpstream(deny)))


async def test_an_upstream_nobody_furnished_is_a_failure(send):
    with pytest.raises(Failure):
        await send(Forwarding({}, [], frozenset()))


async def test_filters_are_chained_in_order(send):
    class Named(TrivialReplyFilter):
        def __init__(self, name):
            self.name = name

        async def filter(self, reply, route):
            return Reply(reply.status, reply.headers.plus(("seen-by", self.name)), reply.body)

    seen = []

    async def inside(reply):
        seen.extend(reply.headers.all("seen-by"))

    await send(forwarding(TrivialUpstream(), Named("one"), Named("two")), inside=inside)
    assert seen == ["one", "two"]


@pytest.mark.parametrize(("behave", "error"), [(deny, Denied), (broken, Failure), (junk, Failure)])
async def test_a_filter_that_refuses_or_breaks_leaves_the_upstream(send, behave, error):
    journal = []
    with pytest.raises(error):
        await send(forwarding(TrivialUpstream(journal=journal), TrivialReplyFilter(behave)))
    assert journal == ["send", "leave"]


@pytest.mark.parametrize("ended", ["late", "left", "junk"])
async def test_one_that_is_entered_in_the_moment_it_is_given_up_is_left(send, ended):
    """It swallows what cancels it, or answers with something else than a reply."""
    journal = []

    class Swallowing(TrivialUpstream):
        def send(self, request, route, on_sent):
            return Work()

    class Work:
        async def __aenter__(self):
            began.set()
            if ended == "junk":
                return "junk"
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.Event().wait()
            return Reply(200, Headers(), stream([b"ok"]))

        async def __aexit__(self, kind, error, trace):
            journal.append(kind)

    began = asyncio.Event()
    task = send(forwarding(Swallowing()), route=a_route(reply_seconds=0.1))
    await began.wait()
    if ended == "left":
        task.cancel()
    await asyncio.wait([task], timeout=10)
    errors = {"late": UpstreamTimeout, "left": asyncio.CancelledError, "junk": Failure}
    assert journal == [errors[ended]]


async def test_an_error_inside_wins_over_one_while_leaving(send):
    class Clumsy(TrivialUpstream):
        def send(self, request, route, on_sent):
            context = super().send(request, route, on_sent)

            class Leaving:
                __aenter__ = context.__aenter__

                async def __aexit__(self, *_):
                    raise RuntimeError

            return Leaving()

    async def inside(reply):
        raise UpstreamUnreachable("u", "cut")

    with pytest.raises(UpstreamUnreachable):
        await send(forwarding(Clumsy()), inside=inside)


class _Drinking:
    """An upstream that reads the whole body before it answers."""

    reply_seconds = 0.15

    def send(self, request, route, on_sent):
        return _Draught(request)


class _Draught:
    def __init__(self, request):
        self.request = request

    async def __aenter__(self):
        size = 0
        async for data in self.request.body:
            size += len(data)

        async def body():
            yield str(size).encode()

        return Reply(200, Headers(), body())

    async def __aexit__(self, *_):
        return None


class _SlowBody(FakeBody):
    """A client that takes its time over each chunk."""

    async def _read(self):
        async for data in super()._read():
            await asyncio.sleep(0.1)
            yield data


async def test_while_the_client_still_sends_the_upstream_is_not_late(send):
    body = _SlowBody([b"four"] * 5)
    stage = forwarding(_Drinking())
    assert await send(stage, a_request("POST", body=body)) == (200, [b"20"])


async def test_peeking_at_a_body_does_not_count_against_the_upstream(send):
    class Peeking(_Drinking):
        def send(self, request, route, on_sent):
            class Peek(_Draught):
                async def __aenter__(self):
                    await self.request.body.peek(100)
                    return await super().__aenter__()

            return Peek(request)

    body = _SlowBody([b"four"] * 3)
    assert await send(forwarding(Peeking()), a_request("POST", body=body)) == (200, [b"12"])


class _Looking(TrivialUpstream):
    """Keeps what it was given."""

    def __init__(self):
        super().__init__(allow)
        self.seen = []

    def send(self, request, route, on_sent):
        self.seen.append(request)
        return super().send(request, route, on_sent)


async def test_a_bodyless_request_without_a_credential_is_passed_as_it_is(send):
    upstream = _Looking()
    request = a_request(headers={"x-their-tokens": "no credential", "x_their": "neither"})
    await send(forwarding(upstream), request)
    assert upstream.seen[0] is request


@pytest.mark.parametrize("name", ["x-their-token", "x_their_token", "x_their-token"])
@pytest.mark.parametrize("body", [b"", b"four"])
async def test_no_upstream_is_given_a_credential(send, name, body):
    """A stranger's upstream may pass on whatever it gets; nothing else is changed."""
    upstream = _Looking()
    others = [("accept", "*/*"), ("x_kept", "a"), ("accept", "text/plain")]
    request = a_request("POST", headers=[others[0], (name, "secret"), *others[1:]], body=body)
    await send(forwarding(upstream), request)
    (seen,) = upstream.seen
    assert list(seen.headers) == others
    assert (seen.id, seen.path, seen.body.length) == (request.id, request.path, len(body))
    assert name in request.headers


@pytest.mark.parametrize("body", [b"", b"other"])
async def test_the_quoted_body_is_sent_in_the_clients_place(send, body):
    """And nobody waits for the client's own."""
    got = []

    class Noting(TrivialUpstream):
        def send(self, request, route, on_sent):
            got.append(request.body)
            return super().send(request, route, on_sent)

    slow_client = FakeBody([b"x"], breaks=AssertionError("read"))
    quote = Quote(usd("1"), body=body)
    await send(forwarding(Noting()), a_request("POST", body=slow_client), quote=quote)
    assert b"".join([data async for data in got[0]]) == body
    assert got[0].length == len(body)
