"""Parts: what has the verbs is a part, whatever it derives from; what lacks one is none."""

import inspect

import pytest

from caracal_core.ports import parts
from caracal_core.ports.parts import Endpoint, Migrations

VERBS = {
    parts.Router: {"routes", "match"},
    parts.Authenticator: {"scheme", "challenge", "headers", "authenticate"},
    parts.TakesKinds: {"kinds"},
    parts.NamesCredentials: {"credential_form"},
    parts.AgentDirectory: {"find"},
    parts.Revocations: {"known", "revoked"},
    parts.ReplayGuard: {"claim"},
    parts.Policy: {"decide"},
    parts.NamesRoutes: {"routes_named"},
    parts.Tariff: {"names", "quote"},
    parts.Reading: {"complete", "feed", "cost", "known"},
    parts.Meter: {"recognise"},
    parts.Ledger: {"reserve", "post", "void"},
    parts.Upstream: {"reply_seconds", "send"},
    parts.ReplyFilter: {"filter"},
    parts.Observer: {"observe"},
    parts.FileReader: {"read"},
    parts.HealthCheck: {"name", "check"},
}


def _part(names):
    return type("Part", (), dict.fromkeys(names, lambda *_: None))()


@pytest.mark.parametrize("port", VERBS, ids=lambda port: port.__name__)
def test_what_has_the_verbs_is_a_part(port):
    assert isinstance(_part(VERBS[port]), port)


@pytest.mark.parametrize(
    ("port", "verb"),
    [
        pytest.param(port, verb, id=f"{port.__name__}-{verb}")
        for port, verbs in VERBS.items()
        for verb in sorted(verbs)
    ],
)
def test_what_lacks_a_verb_is_no_part(port, verb):
    assert not isinstance(_part(VERBS[port] - {verb}), port)


def test_every_checked_port_is_looked_at():
    checked = {
        value
        for value in vars(parts).values()
        if inspect.isclass(value) and getattr(value, "_is_runtime_protocol", False)
    }
    assert {port for port in checked if port.__module__ == parts.__name__} == set(VERBS)


@pytest.mark.parametrize("value", [Endpoint("", None), Migrations("a", "b", "c")])
def test_values_of_the_ports_never_change(value):
    with pytest.raises(AttributeError):
        setattr(value, value.__struct_fields__[0], "other")
