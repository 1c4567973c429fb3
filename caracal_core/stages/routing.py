"""Which route a request takes."""

from __future__ import annotations

from collections.abc import Sequence

from caracal_core.domain import Request, Route
from caracal_core.errors import NoRoute
from caracal_core.stages.deadline import Due
from caracal_core.stages.part import Part


class Routing:
    """Asks the routers in order; the first route wins."""

    def __init__(self, routers: Sequence[Part[Route | None]]) -> None:
        self._routers = tuple(routers)

    async def match(self, request: Request, due: Due) -> Route:
        """Return the route, with the body capped at what the route allows.

        Raises:
            NoRoute: no router knows it.
            PayloadTooLarge: more is declared than the route allows.
        """
        for router in self._routers:
            route = await router(due, request)
            if route is not None:
                request.body.cap(route.terms.max_request_bytes)
                return route
        raise NoRoute
