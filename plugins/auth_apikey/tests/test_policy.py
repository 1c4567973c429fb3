"""A key's limits deny what is outside them, and permit nothing."""

import pytest

from caracal_auth_apikey.policy import METHODS, ROUTES, ScopePolicy, limits_of
from caracal_auth_apikey.store import Record
from caracal_core.domain import Access, Principal
from caracal_core.testing.contracts import PolicyContract


def access(route="openai", action="POST", scheme="api_key", **attributes):
    principal = Principal("research-1", scheme, attributes, ("research-1",), credential="a" * 16)
    return Access(principal, route, action, "/")


class TestContract(PolicyContract):
    """The policy owes what every policy owes."""

    @pytest.fixture
    def policy(self):
        return ScopePolicy()

    @pytest.fixture
    def denied(self):
        return [
            access("other", api_key_routes="openai"),
            access("openai-2", api_key_routes="openai"),
            access("xopenai", api_key_routes="open*"),
            access("OPENAI", api_key_routes="openai"),
            access("a", api_key_routes="b c"),
            access(action="GET", api_key_methods="POST"),
            access(action="post", api_key_methods="POST"),
            access(action="tools/list", api_key_methods="tools/call"),
            access("other", api_key_routes="openai", api_key_methods="POST"),
            access(action="GET", api_key_routes="openai", api_key_methods="POST"),
            access(api_key_routes=""),
            access(api_key_methods=""),
        ]

    @pytest.fixture
    def no_opinion(self):
        return [
            access(),
            access(api_key_routes="openai"),
            access(api_key_routes="open*"),
            access(api_key_routes="b openai"),
            access(api_key_routes="open??"),
            access(api_key_methods="GET POST"),
            access(api_key_routes="*", api_key_methods="POST"),
            access("other", scheme="jwt", api_key_routes="openai"),
        ]


async def test_a_deny_names_the_key_and_the_reason():
    decision = await ScopePolicy().decide(access("other", api_key_routes="openai"))
    assert decision.policy == "api_key_scope"
    assert decision.reason == f"API key {'a' * 16} is not for the route other"


@pytest.mark.parametrize(
    ("routes", "methods", "expected"),
    [
        ((), (), {}),
        (("a", "b*"), (), {ROUTES: "a b*"}),
        ((), ("GET",), {METHODS: "GET"}),
        (("a",), ("GET", "POST"), {ROUTES: "a", METHODS: "GET POST"}),
    ],
)
def test_limits_become_attributes(routes, methods, expected):
    record = Record("a", "", "", routes, methods, (), 0.0, None, False, None, 0.0)
    assert limits_of(record) == expected
