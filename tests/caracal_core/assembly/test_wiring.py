"""Conflicts and dangling references are refused before anything opens, with the mend."""

import pytest

from caracal_core.assembly.furnishing import Furnishing
from caracal_core.assembly.wiring import Rules, wire
from caracal_core.errors import Misconfigured
from caracal_core.plugin import Config, Plugin
from caracal_core.stages.deadline import Warden
from caracal_core.stages.draining import Limits
from caracal_core.stages.replay import Window
from caracal_core.testing.fakes.clock import FakeClock
from caracal_core.testing.fakes.parts import (
    TrivialAuthenticator,
    TrivialDirectory,
    TrivialLedger,
    TrivialPolicy,
    TrivialReplayGuard,
    TrivialRevocations,
    TrivialRouter,
    TrivialTariff,
    TrivialUpstream,
)
from caracal_core.testing.fakes.values import a_route

DRAINING = Limits(1, 1000, 1)
RULES = Rules(5, 5, 300, 3600, DRAINING, replay=Window(300, 60, 360))
NO_REPLAY = Rules(5, 5, 300, 3600, DRAINING, replay=None)


class _Uncounted:
    def add(self, amount=1):
        """Count nothing."""


def furnishing(name, *, builtin=False, **parts):
    return Furnishing(name, builtin, Plugin(Config()), lambda: None, **parts)


def core(**parts):
    """A built-in that brings all that is needed, but for what is replaced."""
    whole = {
        "routers": (TrivialRouter(),),
        "authenticators": (TrivialAuthenticator(),),
        "replay_guard": TrivialReplayGuard(),
        "policies": (TrivialPolicy(),),
        "tariff": TrivialTariff(),
        "ledger": TrivialLedger(),
        "upstreams": {"test-upstream": TrivialUpstream()},
    }
    return furnishing("core", builtin=True, **(whole | parts))


def wired(*furnishings, rules=RULES, on_trial=()):
    known = TrivialDirectory(), TrivialRevocations()
    counters = _Uncounted(), _Uncounted()
    return wire(furnishings, *known, rules, Warden(), FakeClock(0), *counters, str, on_trial)


def refused(*furnishings, rules=RULES):
    with pytest.raises(Misconfigured) as refusal:
        wired(*furnishings, rules=rules)
    return refusal.value


async def test_what_fits_together_becomes_a_gateway():
    assert wired(core()).routing is not None


@pytest.mark.parametrize("role", ["ledger", "tariff", "replay_guard"])
async def test_a_strangers_part_displaces_the_builtin(role):
    part = {"ledger": TrivialLedger, "tariff": TrivialTariff, "replay_guard": TrivialReplayGuard}
    mine = part[role]()
    gateway = wired(furnishing("strange", **{role: mine}), core())
    held = {
        "ledger": lambda: gateway.charging.ledger,
        "tariff": lambda: gateway.charging._tariff._verb.__self__,
        "replay_guard": lambda: gateway.replay._guard._verb.__self__,
    }
    assert held[role]() is mine


@pytest.mark.parametrize("role", ["ledger", "tariff", "replay_guard"])
async def test_two_strangers_with_the_same_single_part_are_refused(role):
    part = {"ledger": TrivialLedger, "tariff": TrivialTariff, "replay_guard": TrivialReplayGuard}
    error = refused(
        furnishing("one", **{role: part[role]()}), furnishing("two", **{role: part[role]()}), core()
    )
    assert "one and two" in error.where
    assert role.replace("_", " ") in error.what
    assert "only one" in error.mend


@pytest.mark.parametrize("role", ["ledger", "tariff", "replay_guard"])
async def test_a_single_part_that_nobody_brings_is_refused(role):
    assert role.replace("_", " ") in refused(core(**{role: None})).what


async def test_replay_protection_that_is_switched_off_needs_no_guard():
    wired(core(replay_guard=None), rules=NO_REPLAY)


async def test_a_route_cannot_require_what_is_switched_off():
    requiring = TrivialRouter(terms=a_route(replay="required").terms)
    error = refused(core(routers=(requiring,)), rules=NO_REPLAY)
    assert error.where == "route test-route: replay"
    assert "ENABLE_REPLAY_PROTECTION" in error.mend


async def test_without_an_authenticator_the_start_is_refused():
    error = refused(core(authenticators=()))
    assert error.where == "auth_mode"
    assert "AUTH_MODE" in error.mend


class _ByToken(TrivialAuthenticator):
    headers = frozenset({"x_their_token", "authorization"})


class _ByConnection(TrivialAuthenticator):
    headers = frozenset()


async def test_what_any_authenticator_declares_is_withheld_from_upstreams():
    """Also from the upstreams of routes that do not accept its scheme."""
    stranger = furnishing("strange", authenticators=(_ByToken(), _ByConnection()))
    gateway = wired(stranger, core())
    assert gateway.forwarding.credentials == {"x-their-token", "authorization"}
    declared = [set(scheme.headers) for scheme in gateway.authentication._schemes]
    assert declared == [{"x_their_token", "authorization"}, set(), {"authorization"}]


async def test_a_declaration_that_makes_no_sense_stops_the_start():
    class Odd(TrivialAuthenticator):
        headers = "authorization"

    error = refused(furnishing("strange", authenticators=(Odd(),)), core())
    assert error.where == "plugin strange"
    assert "frozenset" in error.mend


async def test_without_a_policy_the_start_is_refused():
    error = refused(core(policies=()))
    assert error.where == "policies"
    assert "permit" in error.mend


async def test_an_upstream_given_twice_is_refused():
    twice = furnishing("strange", upstreams={"test-upstream": TrivialUpstream()})
    assert "test-upstream" in refused(twice, core()).what


async def test_a_route_id_given_twice_is_refused():
    assert refused(furnishing("strange", routers=(TrivialRouter(),)), core()).where == (
        "route test-route"
    )


@pytest.mark.parametrize(
    ("terms", "where", "mend"),
    [
        (a_route(upstream="test-upstraem").terms, "upstream", "Did you mean test-upstream?"),
        (a_route(upstream="zzz").terms, "upstream", "There are: test-upstream."),
        (a_route(tariff="test-tarif").terms, "tariff", "Did you mean test-tariff?"),
        (a_route(schemes=frozenset({"jwt"})).terms, "schemes", "There are: test."),
    ],
)
async def test_a_route_that_names_what_nobody_brought_is_refused(terms, where, mend):
    error = refused(core(routers=(TrivialRouter(terms=terms),)))
    assert error.where == f"route test-route: {where}"
    assert error.mend == mend


class _NamingPolicy(TrivialPolicy):
    routes_named = frozenset({"test-route", "tset-route"})


async def test_a_policy_over_a_route_that_nobody_has_is_refused():
    """A misspelt deny would silently deny nothing."""
    error = refused(core(policies=(_NamingPolicy(),)))
    assert (error.where, error.mend) == ("policies: routes", "Did you mean test-route?")


class _Proving(TrivialAuthenticator):
    scheme, headers = "mtls", frozenset({"x-their-proof"})


async def test_what_is_on_trial_has_its_authenticators_asked_and_nothing_else_used():
    """Its credential is withheld from upstreams like any other's."""
    trial = furnishing(
        "strange",
        authenticators=(_Proving(),),
        policies=(TrivialPolicy(),),
        tariff=TrivialTariff(),
        upstreams={"test-upstream": TrivialUpstream()},
    )
    another = furnishing("other", tariff=TrivialTariff())
    gateway = wired(another, core(), on_trial=[trial])
    assert [each.name for each in gateway.trial._candidates] == ["mtls"]
    assert [each.authenticator.seconds for each in gateway.trial._candidates] == [1.0]
    assert [each.name for each in gateway.authentication._schemes] == ["test"]
    assert len(gateway.authorization._policies) == 1
    assert gateway.forwarding.credentials == {"authorization", "x-their-proof"}
    assert gateway.observation.own_headers == {"x-their-proof"}


async def test_a_declaration_on_trial_that_makes_no_sense_stops_the_start():
    class Odd(_Proving):
        kinds = frozenset({"certificates"})

    with pytest.raises(Misconfigured, match="kinds hold 'certificates'"):
        wired(core(), on_trial=[furnishing("strange", authenticators=(Odd(),))])


async def test_a_trial_does_not_stand_in_for_a_mode():
    with pytest.raises(Misconfigured, match="no enabled plugin authenticates"):
        wired(core(authenticators=()), on_trial=[furnishing("x", authenticators=(_Proving(),))])
