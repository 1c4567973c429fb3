"""The first router that knows a route wins, and its body limit binds at once."""

import pytest

from caracal_core.domain import Route
from caracal_core.errors import NoRoute, PayloadTooLarge
from caracal_core.stages.part import Part
from caracal_core.stages.routing import Routing
from caracal_core.testing.fakes.behaviour import deny
from caracal_core.testing.fakes.parts import TrivialRouter
from caracal_core.testing.fakes.request import a_request
from caracal_core.testing.fakes.values import a_route


def routing(*routers):
    return Routing([Part("r", router.match, (Route, type(None)), 5) for router in routers])


async def test_the_first_router_that_knows_it_wins(watched):
    journal = []
    asked = routing(TrivialRouter(deny, journal), TrivialRouter(journal=journal), TrivialRouter())
    route = await watched(lambda due: asked.match(a_request(path="/a?b"), due))
    assert (route.id, route.target, journal) == ("test-route", "/a?b", ["match", "match"])


async def test_a_path_nobody_knows_is_404(watched):
    with pytest.raises(NoRoute):
        await watched(lambda due: routing(TrivialRouter(deny)).match(a_request(), due))


async def test_a_declared_body_over_the_routes_limit_is_refused_at_once(watched):
    small = TrivialRouter(terms=a_route(max_request_bytes=3).terms)
    request = a_request("POST", body=b"four")
    with pytest.raises(PayloadTooLarge):
        await watched(lambda due: routing(small).match(request, due))
