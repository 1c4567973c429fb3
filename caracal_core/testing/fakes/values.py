"""Values with sensible fields, so that a test names only those it is about."""

from __future__ import annotations

from collections.abc import Mapping
from secrets import token_hex
from typing import Any

from caracal_core.domain import Access, Charge, Ending, Money, Principal, Route, Terms
from caracal_core.domain.principal import NO_ATTRIBUTES


def usd(decimal: str) -> Money:
    """Return an amount of US dollars: ``usd("0.25")``."""
    return Money.parse(decimal, "USD")


def a_principal(
    id: str = "test-agent",
    *,
    scheme: str = "test",
    attributes: Mapping[str, str] = NO_ATTRIBUTES,
    accounts: tuple[str, ...] | None = None,
    credential: str | None = None,
) -> Principal:
    """Make a proven agent, who pays from an account of its own name."""
    own = (id,) if accounts is None else accounts
    return Principal(id, scheme, attributes, own, credential)


def a_route(
    id: str = "test-route",
    *,
    action: str = "GET",
    resource: str = "/",
    target: str = "/",
    upstream: str = "test-upstream",
    **terms: Any,
) -> Route:
    """Make a route; further arguments are fields of its `Terms`."""
    return Route(id, action, resource, target, Terms(upstream=upstream, **terms))


def an_access(
    agent: str = "test-agent",
    *,
    route: str = "test-route",
    action: str = "GET",
    resource: str = "/",
    attributes: Mapping[str, str] = NO_ATTRIBUTES,
) -> Access:
    """Make the question that policies are asked."""
    return Access(a_principal(agent, attributes=attributes), route, action, resource)


def a_charge(
    amount: Money,
    *accounts: str,
    expire_seconds: float = 300.0,
    orphan: Ending = "post",
    price: str = "",
    key: str | None = None,
    fingerprint: str | None = None,
) -> Charge:
    """Make a charge of a new id against an account path, the agent's own account first."""
    return Charge(
        id=token_hex(16),
        agent=accounts[0],
        accounts=accounts,
        amount=amount,
        route="test-route",
        request=token_hex(16),
        expire_seconds=expire_seconds,
        orphan=orphan,
        price=price,
        key=key,
        fingerprint=fingerprint,
    )
