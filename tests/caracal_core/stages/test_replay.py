"""Nonces are claimed as the route demands, credentials for single use always; both in time."""

import asyncio
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from caracal_core.assembly.services import SystemClock
from caracal_core.builtin.replay.config import ReplayRules
from caracal_core.builtin.replay.epochs import open_epoch, sweep
from caracal_core.builtin.replay.memory import MemoryReplayGuard
from caracal_core.builtin.replay.stored import StoredReplayGuard
from caracal_core.domain import Once
from caracal_core.errors import BadRequest, Failure, NonceMissing, Replayed, TimestampOutOfWindow
from caracal_core.stages import replay as module
from caracal_core.stages.deadline import Warden
from caracal_core.stages.part import Part
from caracal_core.stages.replay import Replay, Window
from caracal_core.testing.fakes.clock import FakeClock
from caracal_core.testing.fakes.request import a_request
from caracal_core.testing.fakes.values import a_principal, a_route

NOW = 1_800_000_000


class _Guard:
    def __init__(self):
        self.claimed = []

    async def claim(self, nonce):
        fresh = (nonce.scope, nonce.value) not in self.claimed
        self.claimed.append((nonce.scope, nonce.value))
        self.expires_at, self.issued_at = nonce.expires_at, nonce.issued_at
        return fresh


@pytest.fixture
def guard():
    return _Guard()


@pytest.fixture
def claim(guard, watched):
    """Claim with these headers on a route with this rule, for an agent."""
    clock = FakeClock(NOW)
    window = Window(past=300, future=60, remember=360)
    stage = Replay(Part("guard", guard.claim, (bool,), 5), window, clock)

    def start(*headers, rule="when_present", agent="anna", once=()):
        request, route = a_request(headers=headers), a_route(replay=rule)
        principal = replace(a_principal(agent), once=tuple(once))
        return watched(lambda due: stage.claim(request, principal, route, due))

    return start


def stamped(nonce="n-1", timestamp=NOW):
    return ("x-caracal-nonce", nonce), ("x-caracal-timestamp", str(timestamp))


async def test_a_fresh_nonce_passes_once(claim):
    await claim(*stamped())
    with pytest.raises(Replayed):
        await claim(*stamped())


async def test_agents_nonces_never_collide(claim):
    await claim(*stamped())
    await claim(*stamped(), agent="ben")


async def test_a_nonce_is_remembered_for_longer_than_its_timestamp_is_believed(claim, guard):
    await claim(*stamped(timestamp=NOW + 60))
    assert (guard.expires_at, guard.issued_at) == (NOW + 360, NOW + 60)


async def test_a_required_nonce_that_is_missing_is_401(claim):
    with pytest.raises(NonceMissing):
        await claim(rule="required")


async def test_none_is_needed_when_present_is_enough(claim, guard):
    await claim()
    assert guard.claimed == []


async def test_a_route_without_replay_protection_claims_nothing(claim, guard):
    await claim(*stamped(), rule="off")
    assert guard.claimed == []


async def test_switched_off_by_the_operator_nothing_is_claimed(watched):
    stage = Replay(None, Window(0, 0, 0), FakeClock(NOW))
    request, route = a_request(headers=stamped()), a_route(replay="required")
    await watched(lambda due: stage.claim(request, a_principal(), route, due))


@pytest.mark.parametrize(
    ("timestamp", "reason"),
    [
        (NOW - 301, "301 s old; 300 s pass"),
        (NOW + 61, "61 s ahead; 60 s pass"),
        (0, f"{NOW} s old; 300 s pass"),
        (10**12 - 1, f"{10**12 - 1 - NOW} s ahead; 60 s pass"),
    ],
)
async def test_a_timestamp_outside_the_window_is_refused_and_claims_nothing(
    claim, guard, timestamp, reason
):
    with pytest.raises(TimestampOutOfWindow) as refusal:
        await claim(*stamped(timestamp=timestamp))
    assert refusal.value.reason == reason
    assert guard.claimed == []


@pytest.mark.parametrize("timestamp", [NOW - 300, NOW + 60])
async def test_the_windows_edges_are_inside(claim, timestamp):
    await claim(*stamped(timestamp=timestamp))


@pytest.mark.parametrize("nonce", ["", "a b", "x" * 129, "caf\u00e9", "tab\t"])
async def test_a_malformed_nonce_is_400(claim, guard, nonce):
    with pytest.raises(BadRequest):
        await claim(*stamped(nonce))
    assert guard.claimed == []


@pytest.mark.parametrize("timestamp", ["", "1e9", "-1", "1.5", "\u0665", "9" * 13, "NaN", " 1"])
async def test_a_malformed_timestamp_is_400(claim, guard, timestamp):
    with pytest.raises(BadRequest):
        await claim(*stamped(timestamp=timestamp))
    assert guard.claimed == []


async def test_a_nonce_without_a_timestamp_is_400(claim):
    with pytest.raises(BadRequest):
        await claim(("x-caracal-nonce", "n-1"))


@pytest.mark.parametrize("twice", ["x-caracal-nonce", "x-caracal-timestamp"])
async def test_two_of_either_header_are_400(claim, twice):
    with pytest.raises(BadRequest):
        await claim(*stamped(), (twice, str(NOW)))


def token(value="jti:1", issued_at=NOW - 5):
    return Once(value, issued_at)


@pytest.mark.parametrize("rule", ["required", "when_present", "off"])
async def test_a_credential_for_single_use_is_claimed_whatever_the_route(claim, rule):
    """What the issuer wants is not the route's to give up."""
    await claim(*stamped("n-1"), rule=rule, once=[token()])
    with pytest.raises(Replayed, match="This credential was already used"):
        await claim(*stamped("n-2"), rule=rule, once=[token()])
    await claim(*stamped("n-3"), rule=rule, once=[token("jti:2")])
    await claim(*stamped("n-4"), rule=rule, once=[token()], agent="ben")


@pytest.mark.parametrize(
    ("headers", "rule", "refusal"),
    [
        ((), "required", NonceMissing),
        (stamped("a b"), "required", BadRequest),
        (stamped(timestamp="abc"), "when_present", BadRequest),
        (stamped()[:1], "when_present", BadRequest),
        ((*stamped(), stamped()[0]), "when_present", BadRequest),
        (stamped(timestamp=NOW - 301), "when_present", TimestampOutOfWindow),
        (stamped("used"), "when_present", Replayed),
    ],
)
async def test_a_credential_is_still_good_after_a_refusal_for_the_nonce(
    claim, headers, rule, refusal
):
    """Its issuer gives one only, and the client may have erred in a header of its own."""
    await claim(*stamped("used"))
    with pytest.raises(refusal):
        await claim(*headers, rule=rule, once=[token()])
    await claim(*stamped("n-2"), once=[token()])


@pytest.mark.parametrize("issued_at", [NOW - 301, NOW + 61])
async def test_neither_is_claimed_where_a_credential_is_outside_the_window(claim, guard, issued_at):
    with pytest.raises(TimestampOutOfWindow):
        await claim(*stamped(), once=[token("a"), token("b", issued_at)])
    assert guard.claimed == []


async def test_one_nonce_at_most_is_lost_to_a_used_credential(guard, claim):
    """A thief of one fills no agent's share, also of one that was used at another process."""
    guard.claimed.append(("anna", "elsewhere"))
    await claim(once=[token("here")])
    before = len(guard.claimed)
    for used in ("here", "elsewhere"):
        for number in range(5):
            with pytest.raises(Replayed, match="This credential was already used"):
                await claim(*stamped(f"{used}-{number}"), once=[token(used)])
    assert guard.claimed[before:] == [("anna", "elsewhere-0"), ("anna", "elsewhere")]


async def test_a_credential_whose_claim_was_not_answered_is_not_known_to_be_used(watched):
    answers = [Failure("guard", "down"), True, False]

    async def claim(nonce):
        answer = answers.pop(0)
        if isinstance(answer, Failure):
            raise answer
        return answer

    stage = Replay(Part("guard", claim, (bool,), 5), Window(300, 60, 360), FakeClock(NOW))
    principal = replace(a_principal(), once=(token(),))
    for outcome in (Failure, None, Replayed):
        use = watched(lambda due: stage.claim(a_request(), principal, a_route(), due))
        (answer,) = await asyncio.gather(use, return_exceptions=True)
        assert type(answer) is (outcome or type(None))


async def test_what_is_known_to_be_used_is_bounded(claim, guard, monkeypatch):
    """The guard tells about the older ones."""
    monkeypatch.setattr(module, "SPENT_MAX", 2)
    for value in ("a", "b", "c"):
        await claim(once=[token(value)])
    for value in ("c", "a"):
        with pytest.raises(Replayed):
            await claim(once=[token(value)])
    assert guard.claimed[3:] == [("anna", "a")]


async def test_each_of_two_such_credentials_is_claimed(claim, guard):
    await claim(once=[token("a"), token("b")])
    assert guard.claimed == [("anna", "a"), ("anna", "b")]
    with pytest.raises(Replayed):
        await claim(once=[token("c"), token("b")])


async def test_a_credential_is_remembered_as_long_as_a_nonce(claim, guard):
    """Beyond that its age refuses it, however long it proves."""
    await claim(once=[token()])
    assert (guard.expires_at, guard.issued_at) == (NOW + 360, NOW - 5)


def in_memory(clock, **rules):
    """Return the stage on the guard in memory."""
    rules = ReplayRules(**rules)
    window = Window(rules.timestamp_window, rules.future_skew, rules.nonce_seconds)
    return Replay(Part("guard", MemoryReplayGuard(rules, clock).claim, (bool,), 5), window, clock)


async def test_a_credential_that_proves_for_long_does_not_fill_the_memory(watched):
    """It was used first, and thousands of nonces come after it, each with room for it in time."""
    clock = FakeClock(NOW)
    stage = in_memory(clock, nonce_cache_size=1000)
    proved = replace(a_principal(), once=(token(issued_at=NOW),))

    async def use(principal, *headers):
        request = a_request(headers=headers)
        await watched(lambda due: stage.claim(request, principal, a_route(), due))

    await use(proved)
    for number in range(4000):
        clock.advance(0.5)
        await use(a_principal(), *stamped(f"n-{number}", int(clock.now())))


@given(
    st.floats(-300, 30),
    st.lists(st.floats(0, 400), max_size=12),
    st.sampled_from([1, 300, 1000]),
)
def test_a_credential_never_passes_twice_in_memory(issued, steps, ttl):
    """Whenever it is shown again, and whatever is forgotten in between."""
    clock = FakeClock(NOW)
    stage = in_memory(clock, nonce_cache_ttl=ttl)
    warden = Warden()

    async def use(once):
        principal = replace(a_principal(), once=(once,))
        due = warden.watch()
        try:
            await stage.claim(a_request(), principal, a_route(), due)
        finally:
            warden.release(due)

    async def shown_on_and_on():
        await use(token(issued_at=NOW + issued))
        for number, step in enumerate(steps):
            clock.advance(step)
            await use(token(f"other:{number}", issued_at=clock.now()))
            with pytest.raises((Replayed, TimestampOutOfWindow)):
                await use(token(issued_at=NOW + issued))

    asyncio.run(shown_on_and_on())


async def test_a_wider_window_does_not_revive_a_credential_that_was_forgotten(database, watched):
    """After a reload, or beside a replica whose window is narrower still."""
    now, clock = time.time(), FakeClock(time.time())

    def stage(past):
        rules = ReplayRules(timestamp_window=past, nonce_cache_ttl=1, future_skew=0)
        guard = StoredReplayGuard(database, clock, rules)
        window = Window(past, 0, rules.nonce_seconds)
        return Replay(Part("guard", guard.claim, (bool,), 30), window, clock)

    await open_epoch(database, ReplayRules())
    principal = replace(a_principal(), once=(Once("jti:1", now - 1),))
    narrow, wide = stage(2), stage(3600)
    await watched(lambda due: narrow.claim(a_request(), principal, a_route(), due))
    await database.execute("UPDATE nonces SET expires_at = $1", now - 1000)
    assert await sweep(database)
    with pytest.raises(TimestampOutOfWindow):
        await watched(lambda due: wide.claim(a_request(), principal, a_route(), due))


@pytest.mark.parametrize("issued_at", [NOW - 301, NOW + 61, 0])
async def test_a_credential_from_outside_the_window_is_refused_and_claims_nothing(
    claim, guard, issued_at
):
    """A guard that may have forgotten it could not tell."""
    with pytest.raises(TimestampOutOfWindow, match="single use") as refusal:
        await claim(once=[token(issued_at=issued_at)])
    assert refusal.value.reason.startswith("a credential for single use: ")
    assert guard.claimed == []


async def test_a_guard_that_may_have_forgotten_refuses_the_credential_in_its_own_words(watched):
    async def claim(nonce):
        raise TimestampOutOfWindow

    stage = Replay(Part("guard", claim, (bool,), 5), Window(300, 60, 360), FakeClock(NOW))
    principal = replace(a_principal(), once=(token(),))
    with pytest.raises(TimestampOutOfWindow, match="single use"):
        await watched(lambda due: stage.claim(a_request(), principal, a_route(), due))


async def test_with_replay_protection_off_a_credential_for_single_use_is_a_failure(watched):
    """Nothing else would make it be used once."""
    stage = Replay(None, Window(0, 0, 0), FakeClock(NOW))
    principal = replace(a_principal(), once=(token(),))
    with pytest.raises(Failure, match="single use"):
        await watched(lambda due: stage.claim(a_request(), principal, a_route(), due))


async def test_of_many_uses_at_two_replicas_one_passes(database, watched):
    """On the real store, at the same time, and once more afterwards."""
    rules, clock, now = ReplayRules(), SystemClock(), time.time()
    await open_epoch(database, rules)
    replicas = [
        Replay(
            Part("guard", StoredReplayGuard(database, clock, rules).claim, (bool,), 30),
            Window(300, 30, 330),
            clock,
        )
        for _ in range(2)
    ]
    principal = replace(a_principal(), once=(Once("jti:1", now - 1),))

    async def use(stage):
        try:
            await watched(lambda due: stage.claim(a_request(), principal, a_route(), due))
        except Replayed:
            return False
        return True

    assert (await asyncio.gather(*map(use, replicas * 10))).count(True) == 1
    assert [await use(stage) for stage in replicas] == [False, False]
