"""No registered route forgets a stage: every one of an assembled house is walked, whole.

The routes are those of the built-in table and of a plugin's own router, with every kind of
terms; what a route may leave out is only what its terms say.
"""

from types import MappingProxyType

import pytest

from caracal_core.builtin.routes.plugin import METHODS, RoutesConfig, RoutesPlugin
from caracal_core.domain import Route, Terms
from caracal_core.plugin import Config, Plugin, hookimpl
from caracal_core.testing.fakes import (
    TrivialAuthenticator,
    TrivialDirectory,
    TrivialLedger,
    TrivialObserver,
    TrivialPolicy,
    TrivialReplayGuard,
    TrivialReplyFilter,
    TrivialTariff,
    TrivialUpstream,
    a_request,
)
from caracal_core.testing.rehearsal import Rehearsal

NONCE = {"x-caracal-nonce": "n-1", "x-caracal-timestamp": "1800000000"}
TABLE = [
    {"id": "least", "path": "/least", "upstream": "one"},
    {"id": "root", "path": "/", "upstream": "two", "tariff": "call"},
    {"id": "below", "path": "/least/below", "upstream": "one", "tariff": "call"},
    {"id": "stripped", "path": "/stripped/", "upstream": "one", "strip_prefix": True},
    {"id": "required", "path": "/required", "upstream": "one", "replay": "required"},
    {"id": "replayable", "path": "/replayable", "upstream": "one", "replay": "off"},
    {"id": "by-test", "path": "/by-test", "upstream": "one", "schemes": ["test"]},
    {"id": "posting", "path": "/posting", "upstream": "one", "methods": ["POST"], "tariff": "call"},
    {"id": "small", "path": "/small", "upstream": "one", "max_request_size_mb": 0.001},
    {"id": "hasty", "path": "/hasty", "upstream": "one", "reply_timeout": 1},
]
PATHS = {route["id"]: route["path"] for route in TABLE} | {"tool": "/mcp/tool"}


class _Tools(Plugin[Config]):
    """Has a route of its own."""

    @hookimpl
    def routers(self, services):
        terms = Terms(upstream="tools", tariff="call", replay="required")

        class Router:
            routes = MappingProxyType({"tool": terms})

            async def match(self, request):
                if not request.path.startswith("/mcp/"):
                    return None
                return Route("tool", "tools/call", "calculator", "/mcp", terms)

        return [Router()]


@pytest.fixture
def journal():
    return []


class _Upstream(TrivialUpstream):
    """Keeps the names of the fields that it was given."""

    def __init__(self, journal):
        super().__init__(journal=journal)
        self.given = []

    def send(self, request, route, on_sent):
        self.given.append([name for name, _ in request.headers])
        return super().send(request, route, on_sent)


@pytest.fixture
def upstream(journal):
    return _Upstream(journal)


@pytest.fixture
async def house(journal, upstream):
    """Both routers, and parts that keep a journal."""
    async with Rehearsal(
        _Tools(Config()),
        RoutesPlugin(RoutesConfig.model_validate({"routes": TABLE})),
        directory=TrivialDirectory(journal=journal),
        authenticators=[TrivialAuthenticator(journal=journal)],
        replay_guard=TrivialReplayGuard(journal=journal),
        policies=[TrivialPolicy(journal=journal)],
        tariff=TrivialTariff(journal=journal, names=frozenset({"call"})),
        ledger=TrivialLedger(journal=journal),
        upstreams=dict.fromkeys(("one", "two", "tools"), upstream),
        reply_filters=[TrivialReplyFilter(journal=journal)],
        observers=[TrivialObserver(journal=journal)],
    ) as rehearsal:
        yield rehearsal


def _expected(terms):
    """Return every verb that the terms demand, in order."""
    priced = terms.tariff is not None
    demanded = {
        "claim": terms.replay != "off",
        "quote": priced,
        "reserve": priced,
        "post": priced,
    }
    whole = ["authenticate", "find", "claim", "decide", "quote", "reserve"]
    whole += ["send", "filter", "post", "leave", "observe"]
    return [verb for verb in whole if demanded.get(verb, True)]


async def test_every_registered_route_is_looked_at(house):
    assert set(house.routes) == set(PATHS)


@pytest.mark.parametrize("name", PATHS)
@pytest.mark.parametrize("method", METHODS)
async def test_every_registered_route_passes_every_stage(house, journal, name, method):
    if name == "posting" and method != "POST":
        pytest.skip("this route does not accept the method")
    rehearsed = await house.call(a_request(method, PATHS[name], headers=NONCE))
    assert (rehearsed.status, rehearsed.exchange.route) == (200, name)
    assert journal == _expected(house.routes[name])


@pytest.mark.parametrize("name", [name for name in PATHS if name != "posting"])
async def test_no_registered_route_hands_a_credential_to_its_upstream(house, upstream, name):
    headers = NONCE | {"authorization": "Test secret", "accept": "*/*"}
    assert (await house.call(a_request(path=PATHS[name], headers=headers))).status == 200
    assert upstream.given == [[*NONCE, "accept"]]


async def test_a_method_that_a_route_does_not_accept_meets_nothing(house, journal):
    rehearsed = await house.call(a_request("GET", "/posting", headers=NONCE))
    assert rehearsed.status == 405
    assert journal == ["observe"]
