"""What the plugins brought, composed into the corridor; conflicts are refused here."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from difflib import get_close_matches
from types import NoneType
from typing import Any, TypeVar

from msgspec import Struct

from caracal_core.assembly.credentials import (
    declared_fields,
    declared_kinds,
    own_fields,
    withheld_fields,
)
from caracal_core.assembly.furnishing import Furnishing
from caracal_core.domain import (
    Agent,
    Decision,
    Principal,
    Quote,
    Receipt,
    Reply,
    Reservation,
    Route,
    Terms,
)
from caracal_core.errors import Misconfigured
from caracal_core.gateway import Gateway
from caracal_core.ports import (
    AgentDirectory,
    Authenticator,
    Clock,
    Counter,
    NamesRoutes,
    Revocations,
    Upstream,
)
from caracal_core.stages.authentication import Authentication, Scheme
from caracal_core.stages.authorization import Authorization
from caracal_core.stages.charging import Charging
from caracal_core.stages.deadline import Warden
from caracal_core.stages.draining import Draining, Limits
from caracal_core.stages.forwarding import Forwarding
from caracal_core.stages.metering import Metering
from caracal_core.stages.observation import Observation
from caracal_core.stages.part import Part
from caracal_core.stages.reasons import Reasons
from caracal_core.stages.replay import Replay, Window
from caracal_core.stages.routing import Routing
from caracal_core.stages.trial import Candidate, Trial

TRIAL_SECONDS = 1.0
"""The most that one scheme on trial may delay a request."""

A = TypeVar("A")
P = TypeVar("P")


class Rules(Struct, frozen=True):
    """What the configuration says of the corridor itself.

    Attributes:
        part_seconds: how long any part may take for its verb.
        settle_seconds: how long a reply's last byte waits for its post to become durable.
        expire_seconds: how long a hold lasts that nobody renews.
        longest_seconds: how old a hold may become by being renewed; then its reply is cut.
        draining: how far metered replies are read on whose clients are gone.
        replay: when timestamps are believed; None switches replay protection off.
    """

    part_seconds: float
    settle_seconds: float
    expire_seconds: float
    longest_seconds: float
    draining: Limits
    replay: Window | None


def wire(
    furnishings: Sequence[Furnishing],
    directory: AgentDirectory,
    revocations: Revocations,
    rules: Rules,
    warden: Warden,
    clock: Clock,
    lost: Counter,
    misstated: Counter,
    mask: Callable[[str], str],
    on_trial: Sequence[Furnishing] = (),
    earlier: frozenset[str] = frozenset(),
) -> Gateway:
    """Compose the corridor.

    Args:
        furnishings: strangers' in the operator's order, then the built-ins'.
        directory: the registered agents.
        revocations: the revoked credentials.
        rules: deadlines and windows.
        warden: strikes late parts.
        clock: tells the time.
        lost: counts stories that no observer could be told.
        misstated: counts costs that a trusted upstream stated and that are none.
        mask: takes secrets out of the reasons that observers are told.
        on_trial: what the plugins on trial brought; only their authenticators are used.
        earlier: the canonical names of the fields that were withheld until now.

    Raises:
        Misconfigured: something is missing, given twice, or refers to what does not exist.
    """
    _check(furnishings, rules)
    each = rules.part_seconds
    shown = [*furnishings, *on_trial]
    credentials = withheld_fields(shown, earlier)
    observers = _parts(furnishings, "observers", "observe", (NoneType,), each)
    return Gateway(
        Observation(observers, warden, lost, Reasons(mask, credentials), own_fields(shown)),
        Routing(_parts(furnishings, "routers", "match", (Route, NoneType), each)),
        _authentication(furnishings, directory, revocations, each),
        _replay(furnishings, rules, clock),
        _authorization(furnishings, each),
        _trial(on_trial, revocations, min(each, TRIAL_SECONDS), clock),
        _charging(furnishings, rules, misstated),
        Forwarding(
            _upstreams(furnishings),
            _parts(furnishings, "reply_filters", "filter", (Reply,), each),
            credentials,
        ),
    )


def _parts(
    furnishings: Iterable[Furnishing], hook: str, verb: str, answers: tuple[type, ...], each: float
) -> list[Part[Any]]:
    """Resolve one verb of every part that a hook brought, in order."""
    role = hook.replace("_", " ").removesuffix("s").replace("policie", "policy")
    return [
        Part(f"{furnishing.name} {role}", getattr(part, verb), answers, each)
        for furnishing in furnishings
        for part in getattr(furnishing, hook)
    ]


def _only(furnishings: Iterable[Furnishing], hook: str) -> tuple[str, Any]:
    """Return the plugin and its part for a hook that must be given exactly once."""
    role = hook.replace("_", " ")
    given = [(f, part) for f in furnishings if (part := getattr(f, hook)) is not None]
    strangers = [(f, part) for f, part in given if not f.builtin]
    if len(strangers) > 1:
        names = " and ".join(f.name for f, _ in strangers)
        raise Misconfigured(
            f"plugins {names}", f"each of them brings a {role}", "Enable only one of them."
        )
    if not given:
        raise Misconfigured("plugins", f"none brings a {role}", f"Enable one that brings a {role}.")
    furnishing, part = (strangers or given)[0]
    return furnishing.name, part


def _authentication(
    furnishings: Sequence[Furnishing],
    directory: AgentDirectory,
    revocations: Revocations,
    each: float,
) -> Authentication:
    schemes = [
        Scheme(
            part.scheme,
            part.challenge,
            declared_fields(f.name, part),
            _authenticator(f.name, part, each),
        )
        for f in furnishings
        for part in f.authenticators
    ]
    if not schemes:
        raise Misconfigured(
            "auth_mode", "no enabled plugin authenticates anybody", "Set AUTH_MODE, such as jwt."
        )
    return Authentication(
        schemes,
        Part("agent directory", directory.find, (Agent, NoneType), each),
        _revoked(revocations, each),
        revocations.known,
    )


def _trial(
    on_trial: Sequence[Furnishing], revocations: Revocations, each: float, clock: Clock
) -> Trial:
    candidates = [
        Candidate(part.scheme, _authenticator(f.name, part, each))
        for f in on_trial
        for part in f.authenticators
    ]
    return Trial(candidates, _revoked(revocations, each), clock)


def _authenticator(plugin: str, part: Authenticator, each: float) -> Part[Principal | None]:
    declared_kinds(plugin, part)  # a declaration that makes no sense stops the start
    return Part(f"{plugin} authenticator", part.authenticate, (Principal, NoneType), each)


def _revoked(revocations: Revocations, each: float) -> Part[bool]:
    return Part("revocations", revocations.revoked, (bool,), each)


def _replay(furnishings: Sequence[Furnishing], rules: Rules, clock: Clock) -> Replay:
    if rules.replay is None:
        return Replay(None, Window(0, 0, 0), clock)
    name, guard = _only(furnishings, "replay_guard")
    claim: Part[bool] = Part(f"{name} replay guard", guard.claim, (bool,), rules.part_seconds)
    return Replay(claim, rules.replay, clock)


def _authorization(furnishings: Sequence[Furnishing], each: float) -> Authorization:
    policies = _parts(furnishings, "policies", "decide", (Decision, NoneType), each)
    if not policies:
        raise Misconfigured(
            "policies",
            "there is no policy, so every request would be denied",
            "Add a policy with effect permit, or enable a plugin that brings one.",
        )
    return Authorization(policies)


def _charging(furnishings: Sequence[Furnishing], rules: Rules, misstated: Counter) -> Charging:
    tariff_name, tariff = _only(furnishings, "tariff")
    ledger_name, ledger = _only(furnishings, "ledger")
    return Charging(
        Part(f"{tariff_name} tariff", tariff.quote, (Quote,), rules.part_seconds),
        Part(f"{ledger_name} ledger", ledger.reserve, (Reservation,), rules.part_seconds),
        Part(f"{ledger_name} ledger", ledger.post, (Receipt,), rules.settle_seconds),
        ledger,
        Metering([meter for furnishing in furnishings for meter in furnishing.meters]),
        Draining(rules.draining),
        misstated,
        rules.expire_seconds,
        rules.longest_seconds,
    )


def _upstreams(furnishings: Sequence[Furnishing]) -> Mapping[str, Upstream]:
    upstreams: dict[str, Upstream] = {}
    for furnishing in furnishings:
        for name, upstream in furnishing.upstreams.items():
            if name in upstreams:
                raise Misconfigured(
                    f"plugin {furnishing.name}",
                    f"the upstream {name} is given by another plugin too",
                    "Rename one of them.",
                )
            upstreams[name] = upstream
    return upstreams


def routes_of(furnishings: Iterable[Furnishing]) -> Mapping[str, Terms]:
    """Return the terms of every route of every router, by id.

    Raises:
        Misconfigured: two routers have a route of the same id.
    """
    routes: dict[str, Terms] = {}
    for furnishing in furnishings:
        for router in furnishing.routers:
            for name, terms in router.routes.items():
                if name in routes:
                    raise Misconfigured(
                        f"route {name}", "two routers have a route of this id", "Rename one."
                    )
                routes[name] = terms
    return routes


def _check(furnishings: Sequence[Furnishing], rules: Rules) -> None:
    _check_references(furnishings)
    _check_replay(furnishings, rules)


def _check_references(furnishings: Sequence[Furnishing]) -> None:
    """Refuse routes, and policies over routes, that name what nobody brought."""
    upstreams = _upstreams(furnishings)
    tariffs = _only(furnishings, "tariff")[1].names
    schemes = [part.scheme for f in furnishings for part in f.authenticators]
    routes = routes_of(furnishings)
    for name, terms in routes.items():
        _check_known(f"route {name}: upstream", terms.upstream, upstreams)
        if terms.tariff is not None:
            _check_known(f"route {name}: tariff", terms.tariff, tariffs)
        for scheme in terms.schemes:
            _check_known(f"route {name}: schemes", scheme, schemes)
    for policy in (policy for f in furnishings for policy in f.policies):
        for name in sorted(policy.routes_named) if isinstance(policy, NamesRoutes) else ():
            _check_known("policies: routes", name, routes)


def _check_known(where: str, name: str, known: Iterable[str]) -> None:
    known = sorted(known)
    if name in known:
        return
    near = get_close_matches(name, known, 1)
    there = ", ".join(known) or "none"
    mend = f"Did you mean {near[0]}?" if near else f"There are: {there}."
    raise Misconfigured(where, f"{name} does not exist", mend)


def _check_replay(furnishings: Sequence[Furnishing], rules: Rules) -> None:
    """Refuse routes that require what the operator switched off."""
    if rules.replay is not None:
        return
    for name, terms in routes_of(furnishings).items():
        if terms.replay == "required":
            raise Misconfigured(
                f"route {name}: replay",
                "it requires a nonce, and replay protection is switched off",
                "Set ENABLE_REPLAY_PROTECTION to true, or the route's replay to off.",
            )
