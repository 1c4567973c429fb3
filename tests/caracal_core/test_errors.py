"""Refusals and failures: apart, stable words, and no secret in what a client may see."""

import asyncio

import pytest

from caracal_core import errors
from caracal_core.domain import Money
from caracal_core.errors import Answered, CaracalError, Failure, Misconfigured, Refusal

MONEY = Money(250_000, "USD")
SECRET = "secret-that-stays-inside"
EVERY = {
    errors.BadRequest(): (400, "bad_request"),
    errors.Unauthenticated(): (401, "unauthenticated"),
    errors.NonceMissing(): (401, "nonce_missing"),
    errors.TimestampOutOfWindow(): (401, "timestamp_out_of_window"),
    errors.BudgetExceeded(MONEY, "alice", "day"): (402, "budget_exceeded"),
    errors.Denied(): (403, "denied"),
    errors.NoRoute(): (404, "no_route"),
    errors.MethodNotAllowed(["GET", "POST"]): (405, "method_not_allowed"),
    errors.RequestTimeout(): (408, "request_timeout"),
    errors.Replayed(): (409, "replayed"),
    errors.IdempotencyConflict("idempotency_key_reused"): (409, "idempotency_key_reused"),
    errors.IdempotencyConflict("idempotency_in_flight", "c"): (409, "idempotency_in_flight"),
    errors.IdempotencyConflict("already_charged", "c"): (409, "already_charged"),
    errors.PayloadTooLarge(): (413, "payload_too_large"),
    errors.UpgradeRefused(): (426, "upgrade_refused"),
    errors.Failure("test part", SECRET): (503, "unavailable"),
    errors.UpstreamUnreachable("test part", SECRET): (502, "upstream_unreachable"),
    errors.UpstreamBrokenReply("test part", SECRET): (502, "upstream_broken_reply"),
    errors.UpstreamTimeout("test part", SECRET): (504, "upstream_timeout"),
}


def _leaves(kind):
    below = kind.__subclasses__()
    return {kind}.union(*map(_leaves, below)) if below else {kind}


def test_every_answer_is_looked_at():
    ours = {kind for kind in _leaves(Answered) if kind.__module__ == errors.__name__}
    assert {type(error) for error in EVERY} == ours - {Answered, Refusal}


@pytest.mark.parametrize("error", EVERY, ids=lambda error: error.code)
def test_status_and_word_are_stable(error):
    assert (error.status, error.code) == EVERY[error]


@pytest.mark.parametrize("error", EVERY, ids=lambda error: error.code)
def test_every_answer_has_a_sentence_for_the_client(error):
    assert error.detail.endswith(".")


@pytest.mark.parametrize("error", EVERY, ids=lambda error: error.code)
def test_what_a_client_may_see_holds_nothing_internal(error):
    shown = [error.detail, *error.members().values(), *(value for _, value in error.headers())]
    assert SECRET not in " ".join(shown)


@pytest.mark.parametrize("error", EVERY, ids=lambda error: error.code)
def test_header_names_are_lower_case(error):
    assert all(name == name.lower() for name, _ in error.headers())


@pytest.mark.parametrize("error", EVERY, ids=lambda error: error.code)
def test_every_answer_has_a_reason_for_the_operator(error):
    assert error.reason
    if isinstance(error, Failure):
        assert error.reason == SECRET


@pytest.mark.parametrize(
    ("refusal", "reason"),
    [
        (errors.Unauthenticated("it has expired"), "it has expired"),
        (errors.Denied("policy a says deny"), "policy a says deny"),
        (errors.TimestampOutOfWindow(reason="400 s old"), "400 s old"),
        (errors.BadRequest("It is malformed."), "It is malformed."),
        (errors.BudgetExceeded(MONEY, "a"), "0.25 USD do not fit a budget of a"),
        (errors.BudgetExceeded(MONEY, "a", "day"), "0.25 USD do not fit a budget of a for the day"),
        (
            errors.BudgetExceeded(MONEY, "a", "day", Money(0, "USD")),
            "0.25 USD do not fit a budget of a for the day, and 0 are left",
        ),
        (
            errors.BudgetExceeded(MONEY, "team", "day", left=Money(1, "USD")),
            "0.25 USD do not fit a budget of team for the day, and 0.000001 are left",
        ),
    ],
)
def test_the_reason_is_the_operators_word_or_else_the_clients(refusal, reason):
    assert refusal.reason == reason


def test_words_are_unique():
    words = [error.code for error in EVERY]
    assert len(set(words)) == len(words)


def test_refused_and_failed_are_separate_trees():
    assert not _leaves(Refusal) & _leaves(Failure)
    assert {error.status // 100 for error in EVERY if isinstance(error, Refusal)} == {4}
    assert {error.status // 100 for error in EVERY if isinstance(error, Failure)} == {5}


def test_nothing_of_ours_passes_for_a_cancellation():
    assert not issubclass(CaracalError, asyncio.CancelledError)
    assert issubclass(CaracalError, Exception)


def test_a_bad_credential_has_one_wording_for_every_reason():
    refusals = [errors.Unauthenticated(reason) for reason in ("expired", "revoked", SECRET)]
    assert len({(str(each), each.detail) for each in refusals}) == 1
    assert SECRET not in repr(refusals[2])
    assert refusals[2].internal == SECRET


def test_a_bad_credential_carries_every_challenge():
    refusal = errors.Unauthenticated(challenges=["Bearer", "Basic"])
    assert refusal.headers() == [("www-authenticate", "Bearer"), ("www-authenticate", "Basic")]


def test_a_denial_does_not_say_why():
    denial = errors.Denied(SECRET, policy="night-watch")
    assert SECRET not in f"{denial} {denial!r} {denial.detail}"
    assert (denial.internal, denial.policy) == (SECRET, "night-watch")


def test_a_missing_budget_is_worded_as_such():
    refusal = errors.BudgetExceeded(MONEY, "alice")
    assert refusal.detail == "No budget in USD covers this call's 0.25 USD."
    assert "available" not in refusal.members()


def test_a_short_budget_says_what_was_needed_and_left():
    refusal = errors.BudgetExceeded(MONEY, "alice", "day", Money(0, "USD"))
    assert refusal.detail == "The budget of alice for the day does not cover this call's 0.25 USD."
    assert refusal.members() == {
        "needed": "0.25",
        "currency": "USD",
        "account": "alice",
        "window": "day",
        "available": "0",
    }


@pytest.mark.parametrize(
    "error",
    [errors.Denied(), errors.Replayed(), errors.BudgetExceeded(MONEY, "alice", "day")],
    ids=lambda error: error.code,
)
def test_what_trying_again_cannot_mend_says_so(error):
    """Clients' own libraries try again otherwise."""
    assert ("x-should-retry", "false") in error.headers()


def test_a_wrong_method_names_the_right_ones():
    assert errors.MethodNotAllowed(["GET", "POST"]).headers() == [("allow", "GET, POST")]


def test_a_failure_names_its_part_to_the_operator_only():
    failure = Failure("auth_jwt authenticator", "raised KeyError")
    assert str(failure) == "auth_jwt authenticator: raised KeyError"
    assert "auth_jwt" not in failure.detail


def test_a_detail_of_ones_own_replaces_the_general_one():
    assert errors.BadRequest("Two credentials were sent.").detail == "Two credentials were sent."
    assert errors.BadRequest().detail == errors.BadRequest.detail


def test_a_misconfiguration_names_place_fault_and_mend():
    error = Misconfigured("routes[0].upstream", "opneai does not exist", "Did you mean openai?")
    assert str(error) == "routes[0].upstream: opneai does not exist. Did you mean openai?"
    assert (error.where, error.what, error.mend) == (
        "routes[0].upstream",
        "opneai does not exist",
        "Did you mean openai?",
    )
