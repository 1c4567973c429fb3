"""An upstream without a socket."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from types import TracebackType

from caracal_core.domain import Headers, Reply, Request, Route
from caracal_core.errors import UpstreamBrokenReply, UpstreamUnreachable
from caracal_core.testing.fakes.far_side import FarSide
from caracal_core.testing.fakes.script import (
    Answer,
    Cut,
    Echo,
    Garbage,
    Hold,
    Received,
    Silence,
    Step,
    stream,
)

PART = "test-upstream"

FORWARDED = frozenset(
    {"accept", "accept-encoding", "content-type", "idempotency-key", "user-agent"}
)
"""The client's headers that go on; everything else stays behind."""

HOP_BY_HOP = frozenset({"connection", "keep-alive", "proxy-connection", "te", "upgrade"})
"""The reply's fields that concern one connection only (RFC 9110 section 7.6.1)."""


class FakeUpstream(FarSide):
    """An upstream and its far side in one: scripted replies, recorded requests.

    Args:
        reply_seconds: how long it says that it may take.

    Attributes:
        gone: whether it refuses connections.
        trust_actual_cost: whether an answer's ``X-Caracal-Actual-Cost`` is what it did cost.
    """

    def __init__(self, reply_seconds: float = 30.0) -> None:
        super().__init__()
        self.reply_seconds = reply_seconds
        self.gone = False
        self.trust_actual_cost = False

    async def leave(self) -> None:
        self.gone = True

    def send(self, request: Request, route: Route, on_sent: Callable[[], None]) -> _FakeSending:
        return _FakeSending(self, request, route, on_sent)


class _FakeSending:
    """One call."""

    def __init__(
        self,
        upstream: FakeUpstream,
        request: Request,
        route: Route,
        on_sent: Callable[[], None],
    ) -> None:
        self._upstream = upstream
        self._request = request
        self._route = route
        self._on_sent = on_sent
        self._open = False

    async def __aenter__(self) -> Reply:
        if self._upstream.gone:
            raise UpstreamUnreachable(PART, "it refused the connection")
        self._on_sent()
        self._open = True
        self._upstream.begin()
        try:
            received = await self._receive()
            return await self._play(self._upstream.next_step(received), received)
        except BaseException:
            self._close()
            raise

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._close()

    def _close(self) -> None:
        if self._open:
            self._open = False
            self._upstream.end()

    async def _receive(self) -> Received:
        body = b"".join([data async for data in self._request.body])
        headers = Headers(field for field in self._request.headers if field[0] in FORWARDED)
        return Received(self._request.method, self._route.target, headers, body)

    async def _play(self, step: Step, received: Received) -> Reply:
        """Do what the script says."""
        match step:
            case Echo():
                echo = received.target.encode() + b"\n" + received.body
                return self._answer(Answer(chunks=(echo,)), received)
            case Answer():
                return self._answer(step, received)
            case Cut():
                length = sum(map(len, step.chunks)) + 1 if step.declared else None
                return Reply(200, Headers(), self._cut(step.chunks), length)
            case Hold():
                return Reply(200, Headers(), _Held(step.first), None)
            case Silence():
                await asyncio.Event().wait()
            case Garbage():
                raise UpstreamBrokenReply(PART, "it gave no reply that makes sense")
        raise UpstreamUnreachable(PART, "it reset the connection")

    def _answer(self, answer: Answer, received: Received) -> Reply:
        empty = received.method == "HEAD" or answer.status in {204, 304}
        body = self._clean(() if empty else answer.chunks)
        length = sum(map(len, answer.chunks)) if answer.declared else None
        stated = Headers(answer.headers).all("x-caracal-actual-cost")
        cost = ", ".join(stated) if stated and self._upstream.trust_actual_cost else None
        return Reply(answer.status, _end_to_end(answer.headers), body, length, cost)

    async def _clean(self, chunks: tuple[bytes, ...]) -> AsyncIterator[bytes]:
        async for data in stream(chunks):
            yield data
        self._close()

    async def _cut(self, chunks: tuple[bytes, ...]) -> AsyncIterator[bytes]:
        async for data in stream(chunks):
            yield data
        self._close()
        raise UpstreamBrokenReply(PART, "it broke off its reply")


def _end_to_end(fields: tuple[tuple[str, str], ...]) -> Headers:
    """Return the fields that are meant for the client."""
    headers = Headers(fields)
    named = {name.strip() for value in headers.all("connection") for name in value.split(",")}
    ours = {name for name, _ in headers if name.startswith("x-caracal-")}
    return headers.without(HOP_BY_HOP | named | ours)


class _Held:
    """A body that never ends. It is no generator: nobody would end that in its own loop."""

    def __init__(self, first: bytes) -> None:
        self._waiting = [first]

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        if not self._waiting:
            await asyncio.Event().wait()
        return self._waiting.pop()
