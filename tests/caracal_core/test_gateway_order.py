"""The corridor's order, printed and compared with what is documented.

Trivial parts, one for every port that a request meets, note each call in one journal.
"""

import re
from pathlib import Path

import pytest

from caracal_core.stages.part import Part
from caracal_core.stages.trial import Candidate, Trial
from caracal_core.testing.fakes import (
    TrivialAuthenticator,
    TrivialDirectory,
    TrivialLedger,
    TrivialObserver,
    TrivialPolicy,
    TrivialReplayGuard,
    TrivialReplyFilter,
    TrivialRevocations,
    TrivialRouter,
    TrivialTariff,
    TrivialUpstream,
    a_request,
    a_route,
    broken,
    deny,
)
from caracal_core.testing.rehearsal import WINDOW, Rehearsal

ARCHITECTURE = Path(__file__).parents[2] / "ARCHITECTURE.md"
NONCE = {"x-caracal-nonce": "n-1", "x-caracal-timestamp": "1800000000"}
PRICED = a_route(tariff="test-tariff").terms
STAGES = {
    "match": "routing",
    "authenticate": "authentication",
    "find": "authentication",
    "revoked": "authentication",
    "claim": "replay",
    "decide": "authorization",
    "quote": "charging",
    "reserve": "charging",
    "send": "forwarding",
    "filter": "forwarding",
}
"""Which stage calls which verb, on the way in."""

WHOLE = [*STAGES, "post", "leave", "observe"]
PARTS = {
    "match": ("routers", TrivialRouter),
    "authenticate": ("authenticators", TrivialAuthenticator),
    "claim": ("replay_guard", TrivialReplayGuard),
    "decide": ("policies", TrivialPolicy),
    "quote": ("tariff", TrivialTariff),
    "reserve": ("ledger", TrivialLedger),
    "send": ("upstreams", TrivialUpstream),
    "filter": ("reply_filters", TrivialReplyFilter),
}
SINGLE = {"claim", "quote", "reserve"}


def _house(journal, misbehaving="", behave=None, terms=PRICED):
    """Return a house in which every part keeps the journal, and one may misbehave."""
    parts = {"observers": [TrivialObserver(journal=journal)]}
    for verb, (hook, part) in PARTS.items():
        given = {"journal": journal, "terms": terms} if verb == "match" else {"journal": journal}
        if verb == misbehaving:
            given["behave" if verb != "reserve" else "reserve"] = behave
        parts[hook] = part(**given) if verb in SINGLE else [part(**given)]
    parts["upstreams"] = {"test-upstream": parts["upstreams"][0]}
    known = TrivialDirectory(journal=journal), TrivialRevocations(journal=journal)
    return Rehearsal(directory=known[0], revocations=known[1], **parts)


async def test_a_request_walks_the_whole_corridor_in_this_order():
    journal = []
    async with _house(journal) as rehearsal:
        await rehearsal.call(a_request(headers=NONCE))
    print(" -> ".join(journal))  # noqa: T201 - pytest shows it where the order is another
    assert journal == WHOLE


def _tried(rehearsal, work):
    """Put a mode on trial that does this work and knows no credential."""

    async def authenticate(_request):
        work()

    candidate = Candidate("mtls", Part("mtls", authenticate, (type(None),), 1.0))
    revoked = Part("revocations", TrivialRevocations().revoked, (bool,), 1.0)
    rehearsal.gateway.trial = Trial([candidate], revoked, rehearsal.clock)


async def test_a_mode_on_trial_is_asked_before_money_and_after_all_that_its_time_could_change():
    journal = []
    async with _house(journal) as rehearsal:
        _tried(rehearsal, lambda: journal.append("try"))
        await rehearsal.call(a_request(headers=NONCE))
    assert journal == [*WHOLE[:6], "try", *WHOLE[6:]]
    assert WHOLE[5:7] == ["decide", "quote"]


async def test_a_mode_on_trial_that_takes_its_time_makes_no_timestamp_too_old():
    """The last moment of the window is still in it."""
    async with _house([]) as rehearsal:
        oldest = NONCE | {"x-caracal-timestamp": str(int(rehearsal.clock.now() - WINDOW.past))}
        _tried(rehearsal, lambda: rehearsal.clock.advance(1))
        assert (await rehearsal.call(a_request(headers=oldest))).status == 200


def test_the_order_is_the_documented_one():
    """The line in ARCHITECTURE.md names the stages as they are walked."""
    (line,) = re.findall(
        r"^edge\.inbound -> (.*) -> edge\.outbound$", ARCHITECTURE.read_text(), re.MULTILINE
    )
    assert line.split(" -> ") == list(dict.fromkeys(STAGES.values()))


async def test_what_a_free_route_leaves_out_is_money():
    journal = []
    async with _house(journal, terms=a_route().terms) as rehearsal:
        await rehearsal.call(a_request(headers=NONCE))
    assert journal == [verb for verb in WHOLE if verb not in {"quote", "reserve", "post"}]


async def test_what_a_request_without_a_nonce_leaves_out_is_its_claim():
    journal = []
    async with _house(journal) as rehearsal:
        await rehearsal.call(a_request())
    assert journal == [verb for verb in WHOLE if verb != "claim"]


@pytest.mark.parametrize("verb", [verb for verb in PARTS if verb != "filter"])
@pytest.mark.parametrize("behave", [deny, broken])
async def test_after_a_no_nothing_is_asked_but_the_story_is_told(verb, behave):
    """Whoever refuses or breaks is the last part that the request meets."""
    journal = []
    async with _house(journal, verb, behave) as rehearsal:
        await rehearsal.call(a_request(headers=NONCE))
    met = list(STAGES)[: list(STAGES).index(verb) + 1]
    settled = {"reserve": ["void"], "send": ["void"]}
    assert [v for v in journal if v != "leave"] == [*met, *settled.get(verb, []), "observe"]


async def test_a_filter_that_refuses_does_so_after_the_sending():
    """The upstream has worked, so that the hold is not void."""
    journal = []
    async with _house(journal, "filter", deny) as rehearsal:
        await rehearsal.call(a_request(headers=NONCE))
    assert journal == [*STAGES, "leave", "post", "observe"]


async def test_parts_of_one_stage_are_asked_in_the_order_given():
    """The order is the operator's."""
    asked = []

    class Named(TrivialPolicy):
        def __init__(self, name):
            super().__init__()
            self.name = name

        async def decide(self, access):
            asked.append(self.name)
            return await super().decide(access)

    async with Rehearsal(policies=[Named("first"), Named("second"), Named("third")]) as rehearsal:
        await rehearsal.call(a_request())
    assert asked == ["first", "second", "third"]
