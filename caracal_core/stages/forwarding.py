"""To the upstream and back: the reply's head under a deadline, its body as it comes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from types import TracebackType

from caracal_core.domain import Principal, Quote, Reply, Request, Route
from caracal_core.errors import Answered, Failure, UpstreamTimeout
from caracal_core.ports import Upstream
from caracal_core.stages.deadline import Due
from caracal_core.stages.outgoing import GivenBody, outgoing
from caracal_core.stages.part import Part
from caracal_core.stages.upload import Upload

CLOSE_SECONDS = 5.0
"""How long an upstream may take to end its work once the context is left."""


class Forwarding:
    """Sends over the route's upstream and lets the reply filters look at the reply.

    Args:
        upstreams: by name.
        filters: look at each reply, in this order.
        credentials: the canonical names of the fields that may hold an agent's credential; no
            upstream is given one, a stranger's no more than the built-in.

    Attributes:
        credentials: the same.
    """

    def __init__(
        self,
        upstreams: Mapping[str, Upstream],
        filters: Sequence[Part[Reply]],
        credentials: frozenset[str],
    ) -> None:
        self._upstreams = dict(upstreams)
        self._filters = tuple(filters)
        self.credentials = credentials

    def send(
        self,
        request: Request,
        route: Route,
        principal: Principal,
        quote: Quote | None,
        due: Due,
        on_sent: Callable[[], None],
    ) -> Sending:
        """Return the context in which the request is sent and its reply lives.

        Raises:
            Failure: the route names an upstream that nobody furnished.
        """
        upstream = self._upstreams.get(route.terms.upstream)
        if upstream is None:
            raise Failure(f"route {route.id}", f"upstream {route.terms.upstream} does not exist")
        given = GivenBody(quote.body) if quote is not None and quote.body is not None else None
        upload = Upload(request.body, due) if not given and request.body.length != 0 else None
        body = given or upload or request.body
        asked = outgoing(request, self.credentials, principal, quote, body)
        name = f"upstream {route.terms.upstream}"
        seconds = route.terms.reply_seconds or upstream.reply_seconds
        try:
            context = upstream.send(asked, route, on_sent)
        except Answered:
            raise
        except BaseException as error:
            raise Failure(name, f"raised {type(error).__name__}") from error
        return Sending(name, context, upload, seconds, due)

    async def filter(self, reply: Reply, route: Route, due: Due) -> Reply:
        """Return what the reply filters made of the reply, each of what the one before did."""
        for reply_filter in self._filters:
            reply = await reply_filter(due, reply, route)
        return reply


class Sending:
    """One request at an upstream, as an asynchronous context manager."""

    __slots__ = ("_context", "_due", "_entered", "_name", "_seconds", "_upload")

    def __init__(
        self,
        name: str,
        context: AbstractAsyncContextManager[Reply],
        upload: Upload | None,
        seconds: float,
        due: Due,
    ) -> None:
        self._name = name
        self._context = context
        self._upload = upload
        self._seconds = seconds
        self._due = due
        self._entered = False

    async def __aenter__(self) -> Reply:
        """Return the upstream's reply; it hears of the request once a body has begun.

        Raises:
            RequestTimeout: the client's body does not come.
            UpstreamTimeout: its head did not come in time; progress of an upload restarts
                that time.
            UpstreamUnreachable: it refused, reset, or broke HTTP.
        """
        if self._upload is not None:
            await self._upload.begin()
        enter = Part(self._name, self._enter, (Reply,), self._seconds, late=_no_head)
        try:
            return await enter(self._due)
        except BaseException as error:
            if self._entered and self._due.runs:  # in the moment in which it was given up
                await self.__aexit__(type(error), error, error.__traceback__)
            raise

    async def _enter(self) -> Reply:
        reply = await self._context.__aenter__()
        self._entered = True
        return reply

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        leave = Part(self._name, self._context.__aexit__, (object,), CLOSE_SECONDS)
        try:
            await leave(self._due, kind, error, trace)
        except Failure:
            if error is None:
                raise


def _no_head(part: str, internal: str) -> UpstreamTimeout:
    """Say what it was that did not come in time."""
    return UpstreamTimeout(part, f"its reply's head {internal}")
