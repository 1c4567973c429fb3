"""What a key may be used for, within what its agent may do: routes and methods."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType

from caracal_auth_apikey.store import Record
from caracal_core.domain import Access, Decision, Principal
from caracal_core.domain.globs import Globs

SCHEME = "api_key"
ROUTES, METHODS = "api_key_routes", "api_key_methods"
"""Attributes of a principal that a limited key proved: words with spaces between."""

_POLICY = "api_key_scope"


def limits_of(record: Record) -> Mapping[str, str]:
    """Return a key's limits as the attributes of the principal that it proves."""
    attributes: dict[str, str] = {}
    if record.routes:
        attributes[ROUTES] = " ".join(record.routes)
    if record.methods:
        attributes[METHODS] = " ".join(record.methods)
    return MappingProxyType(attributes)


class ScopePolicy:
    """Denies what is outside the limits of the key that proved the agent. It never permits."""

    async def decide(self, access: Access) -> Decision | None:
        """Return a deny, or None: a key gives no right that its agent does not have."""
        if access.principal.scheme != SCHEME:
            return None
        attributes = access.principal.attributes
        routes, methods = attributes.get(ROUTES), attributes.get(METHODS)
        if routes is not None and not _globs(routes).match(access.route):
            return _deny(access.principal, f"is not for the route {access.route}")
        if methods is not None and access.action not in methods.split():
            return _deny(access.principal, "is not for this method")
        return None


@lru_cache(maxsize=1000)
def _globs(words: str) -> Globs:
    return Globs(words.split())


def _deny(principal: Principal, what: str) -> Decision:
    reason = f"API key {principal.credential} {what}"
    return Decision(permit=False, policy=_POLICY, reason=reason)
