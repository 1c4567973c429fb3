"""The trivial parts: one for every port, allowing, denying, and noted in the journal."""

import pytest

from caracal_core import ports
from caracal_core.errors import (
    BadRequest,
    BudgetExceeded,
    Denied,
    Misconfigured,
    Unauthenticated,
)
from caracal_core.testing.fakes import (
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
    a_charge,
    a_principal,
    a_request,
    a_route,
    an_access,
    deny,
    usd,
)
from caracal_core.testing.fakes import parts as module

PORTS = {
    TrivialRouter: ports.Router,
    TrivialAuthenticator: ports.Authenticator,
    TrivialDirectory: ports.AgentDirectory,
    TrivialRevocations: ports.Revocations,
    TrivialReplayGuard: ports.ReplayGuard,
    TrivialPolicy: ports.Policy,
    TrivialTariff: ports.Tariff,
    TrivialLedger: ports.Ledger,
    TrivialUpstream: ports.Upstream,
    TrivialReplyFilter: ports.ReplyFilter,
    TrivialObserver: ports.Observer,
    TrivialFileReader: ports.FileReader,
    TrivialHealthCheck: ports.HealthCheck,
}
CALLS = {
    TrivialRouter: lambda part: part.match(a_request()),
    TrivialAuthenticator: lambda part: part.authenticate(a_request()),
    TrivialDirectory: lambda part: part.find("alice"),
    TrivialRevocations: lambda part: part.revoked(a_principal()),
    TrivialReplayGuard: lambda part: part.claim(None),
    TrivialPolicy: lambda part: part.decide(an_access()),
    TrivialTariff: lambda part: part.quote(a_request(), a_route(), a_principal()),
    TrivialLedger: lambda part: part.reserve(a_charge(usd("1"), "alice")),
    TrivialReplyFilter: lambda part: part.filter(None, a_route()),
    TrivialFileReader: lambda part: part.read(),
    TrivialHealthCheck: lambda part: part.check(),
}


def test_every_trivial_part_is_looked_at():
    trivial = {value for name, value in vars(module).items() if name.startswith("Trivial")}
    assert trivial == set(PORTS)


@pytest.mark.parametrize("part", PORTS)
def test_it_has_the_shape_of_its_port(part):
    assert isinstance(part(), PORTS[part])


@pytest.mark.parametrize(
    ("part", "answer"),
    [
        (TrivialDirectory, None),
        (TrivialRevocations, True),
        (TrivialReplayGuard, False),
        (TrivialHealthCheck, "unwell on purpose"),
        (TrivialRouter, None),
    ],
)
async def test_denied_it_gives_its_unfavourable_answer(part, answer):
    assert await CALLS[part](part(deny)) == answer


@pytest.mark.parametrize(
    ("part", "refusal"),
    [
        (TrivialAuthenticator, Unauthenticated),
        (TrivialTariff, BadRequest),
        (TrivialLedger, BudgetExceeded),
        (TrivialReplyFilter, Denied),
        (TrivialFileReader, Misconfigured),
    ],
)
async def test_denied_it_raises_its_refusal(part, refusal):
    with pytest.raises(refusal):
        await CALLS[part](part(deny))


async def test_a_denying_policy_denies():
    assert (await TrivialPolicy(deny).decide(an_access())).permit is False


async def test_the_journal_has_the_verbs_in_order():
    journal = []
    for part, call in CALLS.items():
        await call(part(journal=journal))
    assert journal == [
        "match",
        "authenticate",
        "find",
        "revoked",
        "claim",
        "decide",
        "quote",
        "reserve",
        "filter",
        "read",
        "check",
    ]


async def test_the_upstream_notes_sending_and_leaving():
    journal, sent = [], []
    upstream = TrivialUpstream(journal=journal)
    async with upstream.send(a_request(), a_route(), lambda: sent.append(True)) as reply:
        assert (reply.status, [data async for data in reply.body]) == (200, [b"ok"])
        assert journal == ["send"]
    assert (journal, sent) == (["send", "leave"], [True])


async def test_a_denying_upstream_was_never_sent_to():
    sent = []
    with pytest.raises(Denied):
        async with TrivialUpstream(deny).send(a_request(), a_route(), lambda: sent.append(True)):
            """Nothing is here."""
    assert not sent


async def test_the_observer_keeps_what_it_was_told():
    observer = TrivialObserver()
    await observer.observe("a story")
    assert observer.exchanges == ["a story"]


async def test_the_ledger_ends_what_it_is_told_to():
    ledger = TrivialLedger()
    assert (await ledger.post("id", usd("1"), "reply")).state == "posted"
    assert (await ledger.void("id", "not_sent")).state == "voided"


async def test_the_router_targets_what_was_asked_for():
    route = await TrivialRouter().match(a_request("PUT", "/a?b"))
    assert (route.action, route.resource, route.target) == ("PUT", "/a", "/a?b")
    assert (await TrivialRouter().match(a_request("PUT", "/a"))).target == "/a"
