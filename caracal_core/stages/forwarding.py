"""To the upstream and back: the reply's head under a deadline, its body as it comes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from caracal_core.domain import Principal, Quote, Reply, Request, Route
from caracal_core.errors import Answered, Failure
from caracal_core.ports import Upstream
from caracal_core.stages.deadline import Due
from caracal_core.stages.outgoing import GivenBody, outgoing
from caracal_core.stages.part import Part
from caracal_core.stages.sending import Left, Sending
from caracal_core.stages.upload import Upload


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
        on_left: Left,
    ) -> Sending:
        """Return the context in which the request is sent and its reply lives.

        Args:
            request: the client's.
            route: the way it goes.
            principal: who asks.
            quote: what the tariff quoted for it, if it did.
            due: the exchange's deadlines.
            on_sent: called just before the first byte leaves.
            on_left: awaited where the client hangs up before the head of a metered reply.

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
        left = on_left if quote is not None and quote.metered else None
        return Sending(name, context, upload, seconds, due, left)

    async def filter(self, reply: Reply, route: Route, due: Due) -> Reply:
        """Return what the reply filters made of the reply, each of what the one before did."""
        for reply_filter in self._filters:
            reply = await reply_filter(due, reply, route)
        return reply
