"""An upstream that is spoken to in HTTP/1.1: nothing followed, remembered or sent twice."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType

from caracal_core.builtin.upstreams.connection import HttpConnection
from caracal_core.builtin.upstreams.pool import HttpPool
from caracal_core.builtin.upstreams.reply_parser import BrokenReply, NoReply, ReplyHead
from caracal_core.builtin.upstreams.request_head import RequestHead
from caracal_core.builtin.upstreams.upload import Upload
from caracal_core.domain import Reply, Request, Route
from caracal_core.errors import Failure, UpstreamBrokenReply, UpstreamUnreachable


class HttpUpstream:
    """Sends requests over a pool of kept connections.

    A request is never sent twice, so a kept connection that the upstream closes in the
    moment it is used ends in a 502; connections found closed before are not used.

    Once the upstream begins its final reply, the rest of the request is not sent and the
    connection is not kept. The reply is delivered. Its body has no deadline of its own, for
    event streams may be silent for long.

    Args:
        name: the upstream's name, for failures.
        reply_seconds: how long it may take to begin its reply.
        upload_seconds: how long a request's body may take.
        trust_actual_cost: whether it is believed what a call did cost.
    """

    def __init__(
        self,
        name: str,
        reply_seconds: float,
        upload_seconds: float = 300.0,
        *,
        trust_actual_cost: bool = False,
    ) -> None:
        self.part = f"upstream {name}"
        self._reply_seconds = reply_seconds
        self._upload_seconds = upload_seconds
        self._trust_actual_cost = trust_actual_cost
        self._line: tuple[RequestHead, HttpPool] | None = None

    @property
    def reply_seconds(self) -> float:
        """How long it may take to begin its reply once the request was sent."""
        return self._reply_seconds

    def open(self, head: RequestHead, pool: HttpPool) -> None:
        """Begin to serve with these."""
        self._line = head, pool

    async def close(self) -> None:
        """Close every connection."""
        if self._line is not None:
            await self._line[1].close()

    def send(self, request: Request, route: Route, on_sent: Callable[[], None]) -> HttpCall:
        """Return the context in which the request is sent and its reply lives.

        Raises:
            Failure: the upstream is not open.
        """
        if self._line is None:
            raise Failure(self.part, "it is not open")
        head, pool = self._line
        return HttpCall(
            self.part,
            head,
            pool,
            request,
            route,
            on_sent,
            self._upload_seconds,
            trust_actual_cost=self._trust_actual_cost,
        )


class HttpCall:
    """One request at an upstream, as an asynchronous context manager."""

    __slots__ = (
        "_connection",
        "_head",
        "_on_sent",
        "_part",
        "_pool",
        "_request",
        "_route",
        "_trust_actual_cost",
        "_upload",
        "_upload_seconds",
    )

    def __init__(
        self,
        part: str,
        head: RequestHead,
        pool: HttpPool,
        request: Request,
        route: Route,
        on_sent: Callable[[], None],
        upload_seconds: float,
        *,
        trust_actual_cost: bool,
    ) -> None:
        self._part = part
        self._trust_actual_cost = trust_actual_cost
        self._upload_seconds = upload_seconds
        self._head = head
        self._pool = pool
        self._request = request
        self._route = route
        self._on_sent = on_sent
        self._connection: HttpConnection | None = None
        self._upload: Upload | None = None

    async def __aenter__(self) -> Reply:
        request = self._request
        body = request.body
        head = self._head.write(request.method, self._route.target, request.headers, body.length)
        connection = self._connection = await self._pool.acquire()
        connection.begin(request.method)
        upload = self._upload = Upload(connection, body, self._on_sent, self._upload_seconds)
        try:
            await upload.start(head)
            answer = await connection.head()
            await upload.stop()
        except BaseException as error:
            await self._leave()
            raise self._verdict(upload, error) from error
        stream = _ReplyBody(self._part, connection)
        return Reply(
            answer.status, answer.headers, stream, answer.length, self._actual_cost(answer)
        )

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._leave()

    def _actual_cost(self, answer: ReplyHead) -> str | None:
        """Return what it says that the call did cost; two fields are joined, and so no amount."""
        if not self._trust_actual_cost or not answer.stated_costs:
            return None
        return ", ".join(answer.stated_costs)

    def _verdict(self, upload: Upload, error: BaseException) -> BaseException:
        """Say what an exception means: the client's own fault goes before its consequence."""
        if not isinstance(error, BrokenReply):
            return error
        kind = UpstreamUnreachable if isinstance(error, NoReply) else UpstreamBrokenReply
        return upload.trouble or kind(self._part, str(error))

    async def _leave(self) -> None:
        """Give the connection back, closed unless request and reply are complete."""
        connection, self._connection = self._connection, None
        upload = self._upload
        if connection is None or upload is None:
            return
        if not upload.complete:
            connection.abort()
        self._pool.release(connection)
        await upload.stop()


class _ReplyBody:
    """The body of a reply, as it comes."""

    __slots__ = ("_connection", "_part")

    def __init__(self, part: str, connection: HttpConnection) -> None:
        self._part = part
        self._connection = connection

    def __aiter__(self) -> _ReplyBody:
        return self

    async def __anext__(self) -> bytes:
        try:
            data = await self._connection.read()
        except BrokenReply as broken:
            raise UpstreamBrokenReply(self._part, str(broken)) from broken
        if not data:
            raise StopAsyncIteration
        return data
