"""A scheme on trial is told what the agent showed, and has no say, whatever it does."""

import asyncio
import logging

import pytest

from caracal_core.domain import Principal
from caracal_core.errors import BadRequest, Failure, Unauthenticated
from caracal_core.stages.part import Part
from caracal_core.stages.trial import PAUSE_SECONDS, Candidate, Outcome, Trial
from caracal_core.testing.fakes.behaviour import allow, deny
from caracal_core.testing.fakes.clock import FakeClock
from caracal_core.testing.fakes.parts import TrivialRevocations
from caracal_core.testing.fakes.request import a_request
from caracal_core.testing.fakes.values import a_principal

ANNA = a_principal("anna", scheme="jwt")


async def _for_ever():
    await asyncio.Event().wait()


def candidate(name, answer=None):
    """Make a candidate that answers, raises, or runs a coroutine function."""

    async def authenticate(request):
        if isinstance(answer, BaseException):
            raise answer
        return await answer(request) if callable(answer) else answer

    return Candidate(name, Part(name, authenticate, (Principal, type(None)), 0.05))


def trial(*candidates, revoked=allow, clock=None):
    known = TrivialRevocations(revoked)
    part = Part("revocations", known.revoked, (bool,), 0.05)
    return Trial(candidates, part, clock or FakeClock())


async def judged(watched, judge, request=None):
    return await watched(lambda due: judge.judge(request or a_request(), ANNA, due))


async def test_who_proves_the_same_agent_and_who_does_not_is_told_in_order(watched):
    judge = trial(
        candidate("mtls", Principal("anna", "mtls")),
        candidate("api_key", Principal("ben", "api_key")),
        candidate("outside", Unauthenticated("bad")),
        candidate("other", Principal("anna", "other")),
        candidate("odd", BadRequest("two of mine")),
    )
    assert await judged(watched, judge) == Outcome(
        proved=("mtls", "other"), refused=("api_key", "outside", "odd")
    )


async def test_who_is_shown_nothing_is_not_told_of(watched):
    assert await judged(watched, trial(candidate("mtls", None))) == Outcome()
    assert await judged(watched, trial()) == Outcome()


@pytest.mark.parametrize(
    "breaks",
    [Failure("mtls", "down"), RuntimeError("x"), SystemExit(), asyncio.CancelledError()],
    ids=repr,
)
async def test_who_breaks_is_skipped_and_the_next_is_asked(watched, breaks):
    judge = trial(candidate("mtls", breaks), candidate("other", Principal("anna", "other")))
    assert await judged(watched, judge) == Outcome(proved=("other",))


async def test_who_proves_what_makes_no_sense_is_skipped(watched):
    """As the mode itself would fail by it."""
    judge = trial(
        candidate("mtls", Principal("anna", "mtls", issued_at=float("nan"))),
        candidate("other", Principal("anna", "other")),
    )
    assert await judged(watched, judge) == Outcome(proved=("other",))


async def test_who_hangs_is_skipped_at_its_deadline(watched):
    judge = trial(
        candidate("mtls", lambda _request: _for_ever()),
        candidate("other", Principal("anna", "other")),
    )
    assert await judged(watched, judge) == Outcome(proved=("other",))


@pytest.mark.parametrize("late", [False, True], ids=["broke", "was late"])
async def test_who_broke_or_was_late_is_left_alone_for_a_while_which_is_said_once(
    watched, caplog, late
):
    """Many requests that met the same say it once; after the pause it is asked again."""
    asked = []

    async def hangs(_request):
        asked.append(1)
        if late:
            await _for_ever()
        await asyncio.sleep(0)
        raise Failure("mtls", "down")

    clock = FakeClock()
    other = candidate("other", Principal("anna", "other"))
    judge = trial(candidate("mtls", hangs), other, clock=clock)
    with caplog.at_level(logging.WARNING, "caracal.trial"):
        both = await asyncio.gather(judged(watched, judge), judged(watched, judge))
        clock.advance(PAUSE_SECONDS - 0.1)
        assert [*both, await judged(watched, judge)] == [Outcome(proved=("other",))] * 3
    assert len(asked) == 2
    assert caplog.text.count("mtls, on trial, is not asked for 30 s") == 1
    clock.advance(0.1)
    await judged(watched, judge)
    assert len(asked) == 3


async def test_who_refuses_or_is_shown_nothing_is_asked_again(watched):
    """Only what the scheme cannot do is a reason to leave it alone."""
    answers = iter([Unauthenticated("bad"), None, BadRequest("two"), Principal("anna", "mtls")])

    async def answer(_request):
        said = next(answers)
        if isinstance(said, Exception):
            raise said
        return said

    judge = trial(candidate("mtls", answer))
    bad = Outcome(refused=("mtls",))
    assert [await judged(watched, judge) for _ in range(4)] == [
        bad,
        Outcome(),
        bad,
        Outcome(proved=("mtls",)),
    ]


async def test_junk_is_skipped(watched):
    assert await judged(watched, trial(candidate("mtls", "anna"))) == Outcome()


async def test_a_revoked_credential_would_be_refused(watched):
    judge = trial(candidate("mtls", Principal("anna", "mtls")), revoked=deny)
    assert await judged(watched, judge) == Outcome(refused=("mtls",))


@pytest.mark.parametrize("way", ["peek", "stream", "cap"])
async def test_the_body_stays_the_upstreams(watched, way):
    """It is read once; who tries is skipped."""

    async def reads(request):
        if way == "peek":
            await request.body.peek(10)
        elif way == "cap":
            request.body.cap(0)
        else:
            async for _ in request.body:
                pass
        return Principal("anna", "mtls")

    request = a_request("POST", body=b"for the upstream")
    assert await judged(watched, trial(candidate("mtls", reads)), request) == Outcome()
    assert b"".join([data async for data in request.body]) == b"for the upstream"


async def test_a_client_that_hangs_up_is_not_kept(watched):
    begun = asyncio.Event()

    async def waits(_request):
        begun.set()
        await _for_ever()

    judging = watched(lambda due: trial(candidate("mtls", waits)).judge(a_request(), ANNA, due))
    await begun.wait()
    judging.cancel()
    with pytest.raises(asyncio.CancelledError):
        await judging
