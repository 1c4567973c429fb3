# ruff: noqa: S101, PLR2004 - a contract is a set of tests
"""What every upstream owes: the bytes that were judged go out once, and no secret with them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable

import pytest
from msgspec import Struct

from caracal_core.domain import Headers, Request, Route
from caracal_core.errors import RequestTimeout, UpstreamUnreachable
from caracal_core.ports import Upstream
from caracal_core.testing.fakes import FakeBody, FarSide, Origin, a_request, a_route
from caracal_core.testing.fakes.script import (
    Answer,
    Cut,
    Echo,
    Garbage,
    Hold,
    Reset,
    Silence,
    Step,
)

PATIENCE_SECONDS = 10.0
SECRETS = {
    "authorization": "Bearer agent-secret-1",
    "x-api-key": "agent-secret-2",
    "proxy-authorization": "Basic agent-secret-3",
    "cookie": "session=agent-secret-4",
}
CLIENTS_OWN = {
    "x-caracal-nonce": "clients-own-1",
    "x-caracal-principal": "clients-own-2",
    "x-forwarded-for": "clients-own-3",
    "x-forwarded-host": "clients-own-4",
    "forwarded": "for=clients-own-5",
    "host": "clients-own-6.example",
}
HOP_BY_HOP = {
    "connection": "close, x-named",
    "x-named": "hop-1",
    "keep-alive": "hop-2",
    "proxy-connection": "hop-3",
    "te": "trailers, hop-4",
    "trailer": "hop-5",
    "upgrade": "hop-6",
}


class Heard(Struct, frozen=True):
    """A reply that was read to its end."""

    status: int
    headers: Headers
    length: int | None
    body: bytes


class UpstreamContract:
    """Give ``upstream``, dialling ``far_side``.

    ``far_side`` is an `Origin`, an HTTP server on a loopback socket, unless another is given:
    something that plays the same script behind an upstream that speaks another protocol.
    """

    @pytest.fixture
    async def far_side(self) -> AsyncIterator[FarSide]:
        """Give what the upstream dials."""
        async with Origin() as origin:
            yield origin

    @pytest.fixture
    def upstream(self, far_side: FarSide) -> Upstream:
        """Give the part under test."""
        raise NotImplementedError("give the fixture 'upstream': the part, dialling 'far_side'")

    async def test_it_has_the_shape_of_an_upstream(self, upstream: Upstream) -> None:
        """The house can find its verb, and how long it may take."""
        assert isinstance(upstream, Upstream)
        assert upstream.reply_seconds > 0

    async def test_it_gives_the_reply(self, upstream: Upstream, far_side: FarSide) -> None:
        """Status, fields, length and bytes, as they came."""
        far_side.will(Answer(201, (("x-word", "as it came"),), (b"one ", b"two")))
        heard = await _call(upstream)
        assert (heard.status, heard.length, heard.body) == (201, 7, b"one two")
        assert heard.headers.get("x-word") == "as it came"

    async def test_a_reply_of_unknown_length_says_so(
        self, upstream: Upstream, far_side: FarSide
    ) -> None:
        """Nothing is buffered in order to count it."""
        far_side.will(Answer(chunks=(b"one ", b"two"), declared=False))
        heard = await _call(upstream)
        assert (heard.length, heard.body) == (None, b"one two")

    @pytest.mark.parametrize("target", ["/", "/a%20b", "/a+b;c=d?x=%41&x=b%2Fc&&=", "/~a/b/?q"])
    async def test_the_target_goes_out_byte_for_byte(
        self, upstream: Upstream, far_side: FarSide, target: str
    ) -> None:
        """The far side reads the path that the policy judged."""
        await _call(upstream, a_request("GET", "/other"), a_route(target=target))
        assert [received.target for received in far_side.received] == [target]

    @pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
    async def test_the_method_goes_out_as_sent(
        self, upstream: Upstream, far_side: FarSide, method: str
    ) -> None:
        """Nothing turns one method into another."""
        await _call(upstream, a_request(method))
        assert [received.method for received in far_side.received] == [method]

    @pytest.mark.parametrize("chunked", [False, True], ids=["declared", "chunked"])
    async def test_the_body_goes_out_whole(
        self, upstream: Upstream, far_side: FarSide, chunked: bool
    ) -> None:
        """Every byte once, whether its length is known or not."""
        chunks = [bytes([number]) * 10_000 for number in range(30)]
        await _call(upstream, a_request("POST", body=FakeBody(chunks, chunked=chunked)))
        assert far_side.received[0].body == b"".join(chunks)

    async def test_the_body_goes_out_as_it_comes(
        self, upstream: Upstream, far_side: FarSide
    ) -> None:
        """An upload is not gathered first: the client waits for the far side here."""
        body = FakeBody([b"first", b"second"], chunked=True, between=far_side.begun)
        await _call(upstream, a_request("POST", body=body))
        assert far_side.received[0].body == b"firstsecond"

    async def test_what_describes_the_body_goes_with_it(
        self, upstream: Upstream, far_side: FarSide
    ) -> None:
        """The far side must know what it got, and what it may answer."""
        headers = {"content-type": "application/json", "accept": "text/event-stream"}
        await _call(upstream, a_request("POST", headers=headers, body=b"{}"))
        assert far_side.received[0].headers.get("content-type") == "application/json"
        assert far_side.received[0].headers.get("accept") == "text/event-stream"

    async def test_the_agents_credential_stays_behind(
        self, upstream: Upstream, far_side: FarSide
    ) -> None:
        """Whoever runs the far side could use it against us."""
        await _call(upstream, a_request(headers=SECRETS))
        assert not _leaked(far_side, "agent-secret")

    async def test_what_only_the_gateway_may_say_stays_behind(
        self, upstream: Upstream, far_side: FarSide
    ) -> None:
        """Identity and forwarding headers of the client's do not pass for ours."""
        await _call(upstream, a_request(headers=CLIENTS_OWN))
        assert not _leaked(far_side, "clients-own")

    async def test_hop_by_hop_fields_stay_behind(
        self, upstream: Upstream, far_side: FarSide
    ) -> None:
        """They were about the client's connection (RFC 9110 section 7.6.1)."""
        await _call(upstream, a_request(headers=HOP_BY_HOP))
        assert not _leaked(far_side, "hop-")

    async def test_the_replys_hop_by_hop_fields_stay_behind(
        self, upstream: Upstream, far_side: FarSide
    ) -> None:
        """They were about our connection; framing is the edge's own."""
        hops = (("connection", "x-named"), ("x-named", "hop"), ("keep-alive", "timeout=hop"))
        far_side.will(Answer(headers=(*hops, ("x-kept", "yes"))))
        headers = (await _call(upstream)).headers
        assert not [name for name, value in headers if "hop" in value]
        assert not {"connection", "content-length", "transfer-encoding"} & {n for n, _ in headers}
        assert headers.get("x-kept") == "yes"

    async def test_repeated_fields_stay_apart(self, upstream: Upstream, far_side: FarSide) -> None:
        """Joined Set-Cookie fields cannot be read by anybody (RFC 6265 section 3)."""
        far_side.will(Answer(headers=(("set-cookie", "a=1"), ("set-cookie", "b=2"))))
        assert (await _call(upstream)).headers.all("set-cookie") == ("a=1", "b=2")

    async def test_cookies_are_not_kept(self, upstream: Upstream, far_side: FarSide) -> None:
        """One agent's session is never another's."""
        far_side.will(Answer(headers=(("set-cookie", "session=kept-cookie; Path=/"),)))
        await _call(upstream)
        await _call(upstream)
        assert not _leaked(far_side, "kept-cookie")

    async def test_a_redirect_is_passed_on(self, upstream: Upstream, far_side: FarSide) -> None:
        """Following it could lead anywhere, with our credential."""
        far_side.will(Answer(302, (("location", "/elsewhere"),)))
        heard = await _call(upstream)
        assert (heard.status, heard.headers.get("location")) == (302, "/elsewhere")
        assert len(far_side.received) == 1

    async def test_a_compressed_body_is_passed_on(
        self, upstream: Upstream, far_side: FarSide
    ) -> None:
        """What is not unpacked cannot explode."""
        far_side.will(Answer(headers=(("content-encoding", "gzip"),), chunks=(b"\x1f\x8bopaque",)))
        heard = await _call(upstream)
        assert heard.headers.get("content-encoding") == "gzip"
        assert heard.body == b"\x1f\x8bopaque"

    @pytest.mark.parametrize(
        ("method", "status"), [("HEAD", 200), ("GET", 204), ("GET", 304), ("HEAD", 404)]
    )
    async def test_a_reply_without_a_body_ends_at_its_head(
        self, upstream: Upstream, far_side: FarSide, method: str, status: int
    ) -> None:
        """Nobody waits for bytes that never come."""
        far_side.will(Answer(status))
        heard = await _call(upstream, a_request(method))
        assert (heard.status, heard.body) == (status, b"")

    async def test_the_reply_comes_as_it_is_made(
        self, upstream: Upstream, far_side: FarSide
    ) -> None:
        """The first bytes are here while the far side still works on the rest."""
        far_side.will(Hold(b"first"))
        async with asyncio.timeout(PATIENCE_SECONDS):
            async with upstream.send(a_request(), a_route(), _nothing) as reply:
                assert await anext(aiter(reply.body)) == b"first"

    async def test_a_large_reply_comes_whole(self, upstream: Upstream, far_side: FarSide) -> None:
        """Every byte once, in order."""
        chunks = tuple(bytes([number]) * 65_536 for number in range(100))
        far_side.will(Answer(chunks=chunks, declared=False))
        assert (await _call(upstream)).body == b"".join(chunks)

    async def test_sending_is_told_once_and_in_time(
        self, upstream: Upstream, far_side: FarSide
    ) -> None:
        """From then on the call may cost; afterwards would be too late."""
        told: list[int] = []
        request = a_request("POST", body=FakeBody([b"x" * 100] * 3, chunked=True))
        await _call(upstream, request, on_sent=lambda: told.append(len(far_side.received)))
        assert told == [0]

    async def test_a_failed_dial_is_not_a_sending(
        self, upstream: Upstream, far_side: FarSide
    ) -> None:
        """Where nothing left, nothing can cost."""
        await far_side.leave()
        told: list[bool] = []
        with pytest.raises(UpstreamUnreachable):
            await _call(upstream, on_sent=lambda: told.append(True))
        assert not told

    @pytest.mark.parametrize("step", [Reset(), Garbage()], ids=["reset", "garbage"])
    async def test_no_reply_is_unreachable(
        self, upstream: Upstream, far_side: FarSide, step: Step
    ) -> None:
        """A far side that breaks before its head is a 502."""
        far_side.will(step)
        with pytest.raises(UpstreamUnreachable):
            await _call(upstream)

    async def test_nothing_is_sent_twice(self, upstream: Upstream, far_side: FarSide) -> None:
        """A kept connection that dies is a failure, for GET as well: twice may cost twice."""
        far_side.will(Answer(), Reset())
        await _call(upstream)
        with pytest.raises(UpstreamUnreachable):
            await _call(upstream)
        assert len(far_side.received) == 2

    @pytest.mark.parametrize("declared", [True, False], ids=["declared", "chunked"])
    async def test_a_cut_body_breaks(
        self, upstream: Upstream, far_side: FarSide, declared: bool
    ) -> None:
        """Half a reply never passes for a whole one."""
        far_side.will(Cut((b"half",), declared))
        seen: list[bytes] = []
        with pytest.raises(UpstreamUnreachable):
            await _call(upstream, seen=seen)
        assert b"".join(seen) in (b"half", b"")

    async def test_the_clients_own_trouble_is_the_clients(
        self, upstream: Upstream, far_side: FarSide
    ) -> None:
        """A client that sends too slowly is not an upstream that is down."""
        body = FakeBody([b"half"], chunked=True, breaks=RequestTimeout())
        with pytest.raises(RequestTimeout):
            await _call(upstream, a_request("POST", body=body))
        await _idle(far_side)
        assert not far_side.received

    async def test_leaving_early_ends_the_work(self, upstream: Upstream, far_side: FarSide) -> None:
        """Nobody pays for what nobody reads."""
        far_side.will(Hold())
        async with asyncio.timeout(PATIENCE_SECONDS):
            async with upstream.send(a_request(), a_route(), _nothing) as reply:
                assert reply.status == 200
        await _idle(far_side)

    async def test_leaving_by_an_error_ends_the_work(
        self, upstream: Upstream, far_side: FarSide
    ) -> None:
        """And the error goes on as it is."""
        far_side.will(Hold())
        async with asyncio.timeout(PATIENCE_SECONDS):
            with pytest.raises(LookupError):
                async with upstream.send(a_request(), a_route(), _nothing) as reply:
                    raise LookupError(reply.status)
        await _idle(far_side)

    @pytest.mark.parametrize("step", [Silence(), Hold()], ids=["no-head", "mid-body"])
    async def test_a_cancelled_call_ends_the_work(
        self, upstream: Upstream, far_side: FarSide, step: Step
    ) -> None:
        """A client that hangs up takes the far side's work with it."""
        far_side.will(step)
        call = asyncio.ensure_future(_call(upstream))
        async with asyncio.timeout(PATIENCE_SECONDS):
            await far_side.begun()
        call.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await call
        assert call.cancelled()
        await _idle(far_side)

    async def test_simultaneous_calls_get_their_own_replies(
        self, upstream: Upstream, far_side: FarSide
    ) -> None:
        """Connections are never shared by two calls at once."""
        far_side.will(*[Echo()] * 20)
        targets = [f"/call/{number}" for number in range(20)]
        calls = (
            _call(upstream, a_request("POST", body=target.encode()), a_route(target=target))
            for target in targets
        )
        replies = await asyncio.gather(*calls)
        assert [reply.body for reply in replies] == [f"{t}\n{t}".encode() for t in targets]

    async def test_trouble_does_not_last(self, upstream: Upstream, far_side: FarSide) -> None:
        """The call after a broken one gets a clean connection and its own reply."""
        for step in (Reset(), Garbage(), Cut(), Cut(declared=False)):
            far_side.will(step, Answer(chunks=(b"clean",)))
            with pytest.raises(UpstreamUnreachable):
                await _call(upstream)
            assert (await _call(upstream)).body == b"clean"


def _nothing() -> None:
    """Stand in for the corridor's note that the call may cost."""


async def _call(
    upstream: Upstream,
    request: Request | None = None,
    route: Route | None = None,
    on_sent: Callable[[], None] = _nothing,
    seen: list[bytes] | None = None,
) -> Heard:
    """Send and read to the end, within bounded time; ``seen`` gets the body piece by piece."""
    pieces = [] if seen is None else seen
    async with asyncio.timeout(PATIENCE_SECONDS):
        async with upstream.send(request or a_request(), route or a_route(), on_sent) as reply:
            async for data in reply.body:
                pieces.append(data)
    return Heard(reply.status, reply.headers, reply.length, b"".join(pieces))


async def _idle(far_side: FarSide) -> None:
    """Wait until the far side's work has ended, within bounded time."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        await far_side.idle()


def _leaked(far_side: FarSide, marker: str) -> list[str]:
    """Return the names of the fields that carried what they must not."""
    fields = [field for received in far_side.received for field in received.headers]
    return [name for name, value in fields if marker in value]
