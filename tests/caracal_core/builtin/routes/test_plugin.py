"""Proved here: routes mean what the file says, and what cannot be meant is refused at boot."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from caracal_core.builtin.routes.plugin import METHODS, RoutesConfig, RoutesPlugin
from caracal_core.domain import Settle, Terms
from caracal_core.errors import MethodNotAllowed
from caracal_core.testing.contracts import PluginContract
from caracal_core.testing.fakes import a_request, a_services

LEAST = {"id": "openai", "path": "/openai/", "upstream": "openai"}


def a_config(*routes: dict[str, object], **root: object) -> RoutesConfig:
    return RoutesConfig.model_validate({"routes": routes, **root})


def terms(route: dict[str, object], **root: object) -> Terms:
    (router,) = RoutesPlugin(a_config(LEAST | route, **root)).routers(a_services())
    return router.routes["openai"]


def test_silence_means_the_documented_defaults():
    """As configuration.md shows them."""
    assert terms({}) == Terms(
        upstream="openai",
        tariff=None,
        schemes=frozenset(),
        replay="when_present",
        settle=Settle("post", "void", "void", "post", "post", "void"),
        max_request_bytes=10 * 2**20,
        reply_seconds=None,
        max_hold=None,
        on_overrun="post",
    )


def test_what_is_written_is_meant():
    """Every key of a route reaches its terms."""
    written = {
        "tariff": "llm_call",
        "schemes": ["jwt"],
        "replay": "required",
        "settle": {"client_gone": "void", "error_status": "post"},
        "max_request_size_mb": 0.5,
        "reply_timeout": 90,
        "max_hold": "1.25",
        "on_overrun": "cut",
    }
    assert terms(written) == Terms(
        upstream="openai",
        tariff="llm_call",
        schemes=frozenset({"jwt"}),
        replay="required",
        settle=Settle("void", "void", "post", "post", "post", "void"),
        max_request_bytes=2**19,
        reply_seconds=90,
        max_hold=1_250_000,
        on_overrun="cut",
    )


@pytest.mark.parametrize("key", [{"max_hold": "1"}, {"on_overrun": "cut"}])
def test_what_is_about_money_is_refused_on_a_free_route(key):
    """It would promise what nobody keeps."""
    with pytest.raises(ValidationError, match="route openai is free"):
        a_config(LEAST | key)


JUNK = [1, 0.5, "-1", "1e3", "NaN", "1e999", str(2**63), "0.1e1", "", "0.1234567", "9" * 10**6]


@pytest.mark.parametrize("amount", JUNK, ids=lambda amount: str(amount)[:20])
def test_the_most_that_is_held_is_an_exact_amount(amount):
    with pytest.raises(ValidationError, match="max_hold"):
        a_config(LEAST | {"tariff": "t", "max_hold": amount})


def test_the_roots_body_limit_is_the_routes_default():
    """A route may still have its own, larger or smaller."""
    assert terms({}, max_request_size_mb=3).max_request_bytes == 3 * 2**20
    own = {"max_request_size_mb": 2000}
    assert terms(own, max_request_size_mb=3).max_request_bytes == 2000 * 2**20


def test_the_body_limit_comes_from_the_configmap():
    """Under the name that the deployment gives it, as text."""
    extra = RoutesConfig.model_fields["max_request_size_mb"].json_schema_extra
    assert extra == {"env": ["MAX_REQUEST_SIZE_MB"]}
    assert RoutesConfig.model_validate({"max_request_size_mb": "25"}).max_request_size_mb == 25


async def test_a_route_is_found_and_kept_to_its_methods():
    """The router is the table of the file."""
    config = a_config(LEAST | {"strip_prefix": True, "methods": ["GET"]})
    (router,) = RoutesPlugin(config).routers(a_services())
    route = await router.match(a_request(path="/openai/v1/models"))
    assert (route.id, route.target) == ("openai", "/v1/models")
    with pytest.raises(MethodNotAllowed):
        await router.match(a_request("POST", "/openai/v1/models"))


async def test_every_common_method_is_accepted_by_default():
    """But not CONNECT, which tunnels, nor TRACE, which would show our credential."""
    (router,) = RoutesPlugin(a_config(LEAST)).routers(a_services())
    for method in METHODS:
        assert await router.match(a_request(method, "/openai"))
    for method in ("CONNECT", "TRACE", "get", "FOO"):
        with pytest.raises(MethodNotAllowed):
            await router.match(a_request(method, "/openai"))


@pytest.mark.parametrize("path", ["/", "/a", "/a/", "/a/b-c_d~e.f/", "/v1.0:x/@y", "/healthy"])
def test_plain_paths_are_accepted(path):
    """With or without a slash at the end they mean the same."""
    route = a_config(LEAST | {"path": path}).routes[0]
    assert (route.path, route.prefix) == (path, path.rstrip("/"))


@pytest.mark.parametrize(
    ("path", "complaint"),
    [
        ("a", "begins with a slash"),
        ("", "begins with a slash"),
        ("https://x/a", "begins with a slash"),
        ("/a//b", "empty segment"),
        ("//", "empty segment"),
        ("/a/../b", "dot segment"),
        ("/./a", "dot segment"),
        ("/a/..", "dot segment"),
        ("/a/.../b", "dot segment"),
        ("/..;x", "dot segment"),
        ("/%70", "encoded"),
        ("/a%2fb", "encoded"),
        ("/a b", "character"),
        ("/a?b", "character"),
        ("/a#b", "character"),
        ("/a\\b", "character"),
        ("/a\0", "character"),
        ("/\u00e4", "character"),
        ("/a\n", "character"),
        ("/health", "gateway's own"),
        ("/health/", "gateway's own"),
    ],
)
def test_paths_that_readers_read_differently_are_refused(path, complaint):
    """Policy, route and upstream must mean the same by it (case 8)."""
    with pytest.raises(ValidationError, match=complaint):
        a_config(LEAST | {"path": path})


@pytest.mark.parametrize(
    ("written", "rule"),
    [
        ({}, "void"),
        ({"upstream_failed": "post"}, "post"),
        ({"upstream_timeout": "post"}, "post"),
        ({"upstream_failed": "post", "upstream_timeout": "void"}, "void"),
    ],
)
def test_a_late_upstream_is_one_that_failed_unless_the_route_tells_them_apart(written, rule):
    settle = terms({"settle": written}).settle
    assert settle.upstream_timeout == rule
    assert settle.upstream_failed == written.get("upstream_failed", "void")


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"methods": ["get"]}, "case-sensitive"),
        ({"methods": ["TRACE"]}, "none of"),
        ({"methods": ["CONNECT"]}, "none of"),
        ({"methods": []}, "at least 1"),
        ({"replay": "always"}, "required"),
        ({"settle": {"cut": "refund"}}, "post"),
        ({"settle": {"gone": "post"}}, "not permitted"),
        ({"max_request_size_mb": 0}, "greater than 0"),
        ({"max_request_size_mb": float("nan")}, "finite"),
        ({"reply_timeout": -1}, "greater than 0"),
        ({"id": "a b"}, "pattern"),
        ({"pathh": "/a"}, "not permitted"),
    ],
)
def test_what_cannot_be_meant_is_refused(change, complaint):
    """At boot, with a sentence that says what to write instead."""
    with pytest.raises(ValidationError, match=complaint):
        a_config(LEAST | change)


def test_two_routes_of_one_path_are_refused():
    """Also where only one of them has the slash at its end."""
    with pytest.raises(ValidationError, match="openai and other have the same path /openai"):
        a_config(LEAST, LEAST | {"id": "other", "path": "/openai"})


def test_two_routes_of_one_id_are_refused():
    """Policies, metrics and the audit could not tell them apart."""
    with pytest.raises(ValidationError, match="rename one"):
        a_config(LEAST, LEAST | {"path": "/other"})


class TestPlugin(PluginContract):
    """It owes what every plugin owes."""

    @pytest.fixture
    def plugin_class(self):
        return RoutesPlugin

    @pytest.fixture
    def config(self):
        return {"routes": [LEAST]}

    @pytest.fixture
    def bad_configs(self):
        return [{"routes": [LEAST, LEAST]}]
