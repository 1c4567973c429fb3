"""Static policies from the configuration: who may use which route, by which methods."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Literal

from msgspec import Struct
from pydantic import AfterValidator, Field, StringConstraints

from caracal_core.domain import Access, Decision
from caracal_core.domain.globs import AGENT_GLOB, Globs
from caracal_core.plugin import Config, Plugin, Services, hookimpl, setting
from caracal_core.ports import Policy

EVERY_ROUTE = "*"
_HTTP_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


def _agent_glob(glob: str) -> str:
    if not AGENT_GLOB.fullmatch(glob):
        raise ValueError(
            f"{glob!r} can match no agent: names are 1-128 of A-Z a-z 0-9 . _ : / @ | + = -, "
            "and * and ? stand for others"
        )
    return glob


def _method(method: str) -> str:
    if method.upper() in _HTTP_METHODS and method != method.upper():
        raise ValueError(f"methods are case-sensitive; write {method.upper()}")
    return method


AgentGlob = Annotated[str, AfterValidator(_agent_glob)]
Method = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z0-9_./-]{1,64}$"), AfterValidator(_method)
]
RouteName = Annotated[str, StringConstraints(min_length=1, max_length=64)]


class PolicyConfig(Config):
    """One policy."""

    id: str = setting(
        description="Name of the policy, for the audit record.",
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$",
    )
    effect: Literal["permit", "deny"] = setting(
        description="What it decides; any deny wins, and without a permit access is denied."
    )
    agents: tuple[AgentGlob, ...] = setting(
        description="Globs over agent names, case-sensitive; * is any registered agent.",
        min_length=1,
        max_length=1000,
    )
    routes: tuple[RouteName, ...] = setting(
        description="Ids of the routes it speaks of; * alone is every route.",
        min_length=1,
        max_length=1000,
    )
    methods: tuple[Method, ...] | None = setting(
        None,
        description="Methods, or a plugin route's actions, it speaks of; absent is all of them.",
        min_length=1,
        max_length=64,
    )


def _distinct(policies: tuple[PolicyConfig, ...]) -> tuple[PolicyConfig, ...]:
    seen: set[str] = set()
    for policy in policies:
        if policy.id in seen:
            raise ValueError(f"two policies have the id {policy.id}; rename one of them")
        seen.add(policy.id)
    return policies


class PoliciesConfig(Config):
    """The root key of the static policies."""

    policies: Annotated[
        tuple[PolicyConfig, ...], Field(max_length=10_000), AfterValidator(_distinct)
    ] = setting((), description="Who may use which route.")


class _Rule(Struct, frozen=True):
    """One policy, compiled."""

    agents: Globs
    methods: frozenset[str] | None
    decision: Decision

    def speaks_of(self, access: Access) -> bool:
        return (self.methods is None or access.action in self.methods) and self.agents.match(
            access.principal.id
        )


class PolicyTable:
    """All static policies as one part: of those that speak of an access, a deny wins."""

    def __init__(self, policies: Sequence[PolicyConfig]) -> None:
        """Compile the policies; denies stand before permits."""
        ordered = sorted(policies, key=lambda policy: policy.effect != "deny")
        rules = [(policy, _compile(policy)) for policy in ordered]
        named = {route for policy in policies for route in policy.routes} - {EVERY_ROUTE}
        self.routes_named = frozenset(named)
        self._by_route: Mapping[str, Sequence[_Rule]] = {
            route: _of(rules, {route, EVERY_ROUTE}) for route in named
        }
        self._everywhere = _of(rules, {EVERY_ROUTE})

    async def decide(self, access: Access) -> Decision | None:
        """Return the decision of the first policy that speaks of the access, denies first."""
        for rule in self._by_route.get(access.route, self._everywhere):
            if rule.speaks_of(access):
                return rule.decision
        return None


class PoliciesPlugin(Plugin[PoliciesConfig]):
    """Static policies from the configuration."""

    Config = PoliciesConfig
    at_root = True
    name = "policies"

    @hookimpl
    def policies(self, services: Services) -> Sequence[Policy]:
        if not self.config.policies:
            return ()
        return [PolicyTable(self.config.policies)]


def _compile(policy: PolicyConfig) -> _Rule:
    permit = policy.effect == "permit"
    decision = Decision(permit, policy.id, f"policy {policy.id} says {policy.effect}")
    methods = None if policy.methods is None else frozenset(policy.methods)
    return _Rule(Globs(policy.agents), methods, decision)


def _of(rules: Iterable[tuple[PolicyConfig, _Rule]], routes: set[str]) -> tuple[_Rule, ...]:
    """Return the rules that speak of one of the routes, in their order."""
    return tuple(rule for policy, rule in rules if routes & set(policy.routes))
