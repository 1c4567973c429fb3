"""Who would get in is judged as the gateway would: by all that is shown, in every request."""

import pytest

from caracal_core.builtin.sightings.plan import Mode, prospects
from caracal_core.storage.sightings import Seen

JWT = Mode("jwt", frozenset({"authorization"}), frozenset({"bearer_jws"}))
MTLS = Mode("mtls", frozenset(), frozenset({"certificate"}))
API_KEY = Mode(
    "api_key",
    frozenset({"authorization", "x-api-key"}),
    frozenset({"x_api_key", "authorization_apikey"}),
)
OUTSIDE = Mode("outside", frozenset({"x-out"}), frozenset({"header:x-out"}))
UNWATCHED = Mode("outside", frozenset({"x-out"}), frozenset({"header:x-out"}), watched=False)


def seen(*shown, proved="jwt", day=20_000, won=(), lost=(), agent="anna"):
    return Seen(agent, day, tuple(sorted(shown)), (proved,), tuple(won), tuple(lost))


def judged(modes, *sightings):
    """Return verdict and reason for anna, each sighting being of one request."""
    (prospect,) = prospects(modes, [(each, 1) for each in sightings], ["anna"])
    return prospect.verdict, prospect.why


BOTH = ("bearer_jws", "certificate")


@pytest.mark.parametrize(
    ("modes", "sighting", "verdict", "said"),
    [
        ([JWT], seen("bearer_jws"), "gets in", "Proved by jwt."),
        ([MTLS, JWT], seen("bearer_jws"), "gets in", "Proved by jwt."),
        ([MTLS, JWT], seen(*BOTH, proved="mtls", won=["jwt"]), "gets in", "mtls and jwt"),
        (
            [MTLS],
            seen("bearer_jws"),
            "would not",
            "a signed bearer token and nothing else, which",
        ),
        ([MTLS, API_KEY], seen("bearer_jws"), "would not", "which mtls and api_key do not take"),
        ([MTLS], seen(*BOTH), "unsure", "a certificate that mtls never verified: put it in"),
        ([MTLS, JWT], seen(*BOTH), "unsure", "a certificate that mtls never verified"),
        ([MTLS], seen(*BOTH, won=["mtls"]), "gets in", "Proved by mtls."),
        ([MTLS], seen(*BOTH, lost=["mtls"]), "would not", "a certificate that mtls, on trial"),
        ([MTLS, JWT], seen(*BOTH, lost=["mtls"]), "would not", "refused for it"),
        (
            [JWT, API_KEY],
            seen("bearer_jws", "x_api_key"),
            "would not",
            "credentials in authorization and x-api-key, and one at most",
        ),
        ([JWT, MTLS], seen("bearer_jws", "x_api_key"), "gets in", "Proved by jwt."),
        ([API_KEY], seen("bearer_jws", "x_api_key"), "unsure", "X-API-Key that api_key never"),
        ([OUTSIDE], seen("bearer_jws", "header:x-out", won=["outside"]), "gets in", "outside"),
        ([OUTSIDE], seen("bearer_jws"), "would not", "which outside does not take"),
        (
            [UNWATCHED],
            seen("bearer_jws"),
            "unsure",
            "what outside takes is not recorded: put it in",
        ),
        ([MTLS], seen(proved="by_address"), "would not", "showed no credential that is known"),
        (
            [Mode("by_address", frozenset(), frozenset())],
            seen(proved="by_address"),
            "gets in",
            "by_address",
        ),
    ],
)
def test_what_was_shown_decides(modes, sighting, verdict, said):
    found, why = judged(modes, sighting)
    assert found == verdict
    assert said in why
    assert why.endswith(".")


def test_an_agent_is_judged_by_its_worst_requests_with_their_number():
    good = seen(*BOTH, won=["mtls"], day=20_003)
    open_ = seen("bearer_jws", day=20_001)
    (anna, ben) = prospects(
        [MTLS],
        [(open_, 2), (good, 40), (seen(*BOTH, agent="ben", won=["mtls"]), 7)],
        ["anna", "ben"],
    )
    assert (anna.verdict, anna.requests, anna.affected, anna.last_day) == (
        "would not",
        42,
        2,
        20_003,
    )
    assert (ben.verdict, ben.requests, ben.affected) == ("gets in", 7, 7)


def test_a_trial_speaks_for_what_was_shown_before_it_began():
    """Else no agent would be sure before the last day without a trial has passed."""
    before = seen(*BOTH, day=20_000)
    assert judged([MTLS], before, seen(*BOTH, day=20_001, won=["mtls"]))[0] == "gets in"
    assert judged([MTLS], before, seen(*BOTH, day=20_001, lost=["mtls"]))[0] == "would not"


@pytest.mark.parametrize(("good", "bad"), [(20_001, 20_002), (20_002, 20_001), (20_001, 20_001)])
def test_what_was_proved_once_speaks_for_what_was_not_tried_and_never_for_what_was_refused(
    good, bad
):
    untried = seen("certificate", "x_api_key", day=20_000)
    proved, refused = seen(*BOTH, day=good, won=["mtls"]), seen(*BOTH, day=bad, lost=["mtls"])
    sightings = [(untried, 1), (proved, 2), (refused, 4)]
    (anna,) = prospects([MTLS], sightings, ["anna"])
    assert (anna.verdict, anna.affected) == ("would not", 4)
    (anna,) = prospects([MTLS], [(untried, 1), (refused, 4)], ["anna"])
    assert (anna.verdict, anna.affected) == ("would not", 5)


def test_an_old_proof_does_not_speak_for_what_was_shown_later_and_nobody_verified():
    """The certificate may be another one by then; on the day of the proof it speaks for all."""
    old, later = seen(*BOTH, day=20_000, won=["mtls"]), seen(*BOTH, day=20_001)
    (anna,) = prospects([MTLS], [(old, 1), (later, 900)], ["anna"])
    assert (anna.verdict, anna.affected) == ("unsure", 900)
    assert "a certificate that mtls verified last on an earlier day: put it in" in anna.why
    again = seen(*BOTH, day=20_001, won=["mtls"])
    assert judged([MTLS], old, later, again) == ("gets in", "Proved by mtls.")


def test_registered_agents_that_were_not_seen_are_told_and_others_are_not():
    sightings = [(seen("bearer_jws"), 1), (seen("bearer_jws", agent="gone"), 1)]
    found = prospects([JWT], sightings, ["zoe", "anna"])
    assert [(each.agent, each.verdict) for each in found] == [
        ("anna", "gets in"),
        ("zoe", "unseen"),
    ]
    assert found[1].last_day is None


def test_nobody_is_nobody():
    assert prospects([JWT], [], []) == []


def test_a_header_of_a_schemes_own_was_not_recorded_before_its_trial():
    """What was seen until the day of its first word says nothing of it; what comes later does."""
    plain, first = seen("bearer_jws", day=20_001), seen("header:x-out", won=["outside"], day=20_001)
    assert judged([OUTSIDE], seen("bearer_jws"), plain, first)[0] == "gets in"
    bad = seen("header:x-out", lost=["outside"], day=20_001)
    assert judged([OUTSIDE], seen("bearer_jws"), bad)[0] == "would not"
    assert judged([OUTSIDE], first, seen("bearer_jws", day=20_002))[0] == "would not"
    assert judged([MTLS], seen("bearer_jws"), seen(*BOTH, won=["mtls"]))[0] == "would not"
