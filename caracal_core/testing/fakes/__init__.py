"""Fakes: a house without sockets, disks or waiting, for tests of parts and plugins."""

from caracal_core.testing.fakes.authority import FakeAuthority, Issued
from caracal_core.testing.fakes.behaviour import (
    Behaviour,
    Stubborn,
    allow,
    broken,
    cancels,
    collapses,
    deny,
    junk,
    slow,
)
from caracal_core.testing.fakes.clock import FakeClock
from caracal_core.testing.fakes.far_side import FarSide
from caracal_core.testing.fakes.ledger import FakeLedger
from caracal_core.testing.fakes.origin import Origin
from caracal_core.testing.fakes.parts import (
    TrivialAuthenticator,
    TrivialDirectory,
    TrivialFileReader,
    TrivialHealthCheck,
    TrivialLedger,
    TrivialObserver,
    TrivialPolicy,
    TrivialReplayGuard,
    TrivialReplyFilter,
    TrivialRevocations,
    TrivialRouter,
    TrivialTariff,
    TrivialUpstream,
)
from caracal_core.testing.fakes.replay_guard import FakeReplayGuard
from caracal_core.testing.fakes.request import FakeBody, a_request
from caracal_core.testing.fakes.services import (
    FakeHashKeys,
    FakeHttp,
    FakeMetrics,
    FakeSecrets,
    FakeSigningKeys,
    NoDatabase,
    a_services,
)
from caracal_core.testing.fakes.upstream import FakeUpstream
from caracal_core.testing.fakes.values import a_charge, a_principal, a_route, an_access, usd

__all__ = [
    "Behaviour",
    "FakeAuthority",
    "FakeBody",
    "FakeClock",
    "FakeHashKeys",
    "FakeHttp",
    "FakeLedger",
    "FakeMetrics",
    "FakeReplayGuard",
    "FakeSecrets",
    "FakeSigningKeys",
    "FakeUpstream",
    "FarSide",
    "Issued",
    "NoDatabase",
    "Origin",
    "Stubborn",
    "TrivialAuthenticator",
    "TrivialDirectory",
    "TrivialFileReader",
    "TrivialHealthCheck",
    "TrivialLedger",
    "TrivialObserver",
    "TrivialPolicy",
    "TrivialReplayGuard",
    "TrivialReplyFilter",
    "TrivialRevocations",
    "TrivialRouter",
    "TrivialTariff",
    "TrivialUpstream",
    "a_charge",
    "a_principal",
    "a_request",
    "a_route",
    "a_services",
    "allow",
    "an_access",
    "broken",
    "cancels",
    "collapses",
    "deny",
    "junk",
    "slow",
    "usd",
]
