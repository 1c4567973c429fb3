"""The operations port on a real socket: health, metrics, inspection, and nothing else."""

import asyncio
import json

import pytest
from msgspec import Struct

from caracal_core.assembly.readiness import Finding
from caracal_core.edge import operations
from caracal_core.edge.app import GatewayApp
from caracal_core.edge.operations import Operations
from caracal_core.errors import Failure
from caracal_core.ports import Endpoint


class House:
    """What a test wants operators to see."""

    def __init__(self):
        self.accepting = True
        self.found = [Finding("database", None)]
        self.asked = 0
        self.pages = {}

    async def findings(self):
        self.asked += 1
        return self.found

    def metrics(self):
        return b"# HELP caracal_requests_total Requests.\ncaracal_requests_total 7.0\n"

    def plugins(self):
        return [{"name": "auth_jwt", "version": "1.0.0"}]

    def configuration(self):
        return {"digest": "abc", "settings": []}

    def endpoints(self):
        return self.pages


@pytest.fixture
def house():
    return House()


@pytest.fixture
def app(house):
    return GatewayApp("operations-under-test", Operations(house), health_path=None)


@pytest.fixture(autouse=True)
def _name_is_free_again():
    yield
    GatewayApp.unregister_app(GatewayApp.get_app("operations-under-test"))


def get(path, *lines, method="GET"):
    fields = "".join(f"{line}\r\n" for line in lines)
    return f"{method} {path} HTTP/1.1\r\nHost: localhost\r\n{fields}\r\n".encode()


async def test_liveness_asks_nothing_and_readiness_asks_the_checks(edge, house):
    live = await edge.ask(get("/health/live"))
    assert (live.status, json.loads(live.body)) == (200, {"live": True})
    assert house.asked == 0
    for path in ("/health", "/health/ready"):
        told = await edge.ask(get(path))
        assert told.status == 200
        assert json.loads(told.body) == {
            "ready": True,
            "checks": [{"name": "database", "fault": None}],
        }


async def test_a_fault_is_503_and_named_while_liveness_stays_200(edge, house):
    house.found = [Finding("database", "cannot be reached"), Finding("ledger", None)]
    told = await edge.ask(get("/health"))
    assert told.status == 503
    assert json.loads(told.body) == {
        "ready": False,
        "checks": [
            {"name": "database", "fault": "cannot be reached"},
            {"name": "ledger", "fault": None},
        ],
    }
    assert (await edge.ask(get("/health/live"))).status == 200


async def test_a_gateway_that_drains_is_not_ready_and_says_so(edge, house):
    house.accepting = False
    told = await edge.ask(get("/health/ready"))
    assert told.status == 503
    assert {"name": "gateway", "fault": "is stopping"} in json.loads(told.body)["checks"]


async def test_metrics_are_in_prometheus_own_format(edge, house):
    told = await edge.ask(get("/metrics"))
    assert told.status == 200
    assert told.field("content-type") == "text/plain; version=0.0.4; charset=utf-8"
    assert told.body == house.metrics()


async def test_plugins_and_configuration_are_shown_to_local_callers(edge):
    assert json.loads((await edge.ask(get("/-/plugins"))).body)[0]["name"] == "auth_jwt"
    told = await edge.ask(get("/-/config"))
    assert json.loads(told.body)["digest"] == "abc"
    assert told.field("content-type") == "application/json"
    assert told.field("cache-control") == "no-store"


async def test_head_is_answered_with_the_head_alone(edge):
    told = await edge.ask(get("/health/live", method="HEAD"))
    assert told.status == 200
    assert told.field("content-length") == str(len(b'{"live":true}'))
    assert told.body == b""


@pytest.mark.parametrize("path", ["/", "/-/", "/-/nothing", "/-/plugins/", "/health/", "/metricsx"])
async def test_everything_else_is_404_as_a_problem(edge, path):
    told = await edge.ask(get(path))
    assert told.status == 404
    assert told.field("content-type") == "application/problem+json"
    assert json.loads(told.body)["code"] == "no_route"


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
async def test_nothing_can_be_changed_from_here(edge, method):
    for path in ("/health", "/metrics", "/-/config"):
        told = await edge.ask(get(path, method=method))
        assert told.status == 405
        assert told.field("allow") == "GET, HEAD"


@pytest.mark.parametrize("path", ["/-/plugins", "/-/config", "/-/mine/page", "/-/nothing"])
async def test_behind_the_guard_nobody_learns_even_what_exists(edge, house, path):
    """A caller through a proxy is not local; without a token configured it is 403 for all."""
    house.pages = {"mine/page": Endpoint("page", house.findings)}
    told = await edge.ask(get(path, "X-Forwarded-For: 127.0.0.1"))
    assert told.status == 403
    assert house.asked == 0


@pytest.mark.parametrize("line", [b"Host: a\r\nHost: b\r\n", b"Host: a\r\nX\x80: b\r\n", b""])
async def test_the_port_is_as_strict_as_the_agents_own(edge, line):
    assert (await edge.ask(b"GET /health HTTP/1.1\r\n" + line + b"\r\n")).status == 400


async def test_a_body_is_refused(edge):
    told = await edge.ask(get("/health", "Content-Length: 5", method="POST") + b"hello")
    assert told.status in (405, 413)


class TestEndpoints:
    """Plugins' own pages."""

    async def test_a_page_is_what_the_plugin_answers(self, edge, house):
        class Key(Struct):
            kid: str

        async def keys():
            return [Key("a")]

        house.pages = {"auth_jwt/keys": Endpoint("keys", keys)}
        assert (await edge.ask(get("/-/auth_jwt/keys"))).body == b'[{"kid":"a"}]'

    async def test_a_page_that_breaks_is_503_without_its_message(self, edge, house, caplog):
        async def breaks():
            raise ValueError("hunter2")

        async def gives_no_json():
            return object()

        async def refuses():
            raise Failure("mine", "hunter2")

        house.pages = {
            "mine/breaks": Endpoint("breaks", breaks),
            "mine/object": Endpoint("object", gives_no_json),
            "mine/refuses": Endpoint("refuses", refuses),
        }
        for path in house.pages:
            told = await edge.ask(get(f"/-/{path}"))
            assert told.status == 503
            assert b"hunter2" not in told.body
        assert "endpoint mine/breaks raised ValueError" in caplog.text
        assert "hunter2" not in caplog.text

    async def test_a_page_that_hangs_is_503(self, edge, house, monkeypatch):
        monkeypatch.setattr(operations, "ENDPOINT_SECONDS", 0.01)
        house.pages = {"mine/hangs": Endpoint("hangs", asyncio.Event().wait)}
        assert (await edge.ask(get("/-/mine/hangs"))).status == 503
