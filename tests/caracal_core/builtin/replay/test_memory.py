"""The guard in memory: bounded, exact, and never sure of what it cannot know."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caracal_core.builtin.replay.config import ReplayRules
from caracal_core.builtin.replay.memory import MARGIN_SECONDS, MemoryReplayGuard
from caracal_core.domain import Nonce
from caracal_core.errors import Failure, TimestampOutOfWindow
from caracal_core.testing.contracts import ReplayGuardContract
from caracal_core.testing.fakes import FakeClock

START = 1_800_000_000.5
RULES = ReplayRules(nonce_cache_size=3)


@pytest.fixture
def clock():
    return FakeClock(START)


@pytest.fixture
def guard(clock):
    return MemoryReplayGuard(RULES, clock)


def _nonce(value="v", seconds=300.0, now=START, issued_at=None):
    return Nonce("agent", value, now + seconds, issued_at)


class TestContract(ReplayGuardContract):
    @pytest.fixture
    def replay_guard(self, now):
        return MemoryReplayGuard(ReplayRules(nonce_cache_size=200), FakeClock(now))


async def test_full_it_fails_and_forgets_nothing(guard):
    for value in "abc":
        assert await guard.claim(_nonce(value))
    with pytest.raises(Failure, match="NONCE_CACHE_SIZE"):
        await guard.claim(_nonce("d"))
    assert [await guard.claim(_nonce(value)) for value in "abc"] == [False] * 3


async def test_what_has_expired_makes_room(guard, clock):
    for value in "abc":
        await guard.claim(_nonce(value))
    clock.advance(300 + MARGIN_SECONDS)
    assert await guard.claim(_nonce("d", now=clock.now()))
    assert len(guard._used) == len(guard._queue) == 1


async def test_a_nonce_is_kept_until_it_has_expired(guard, clock):
    await guard.claim(_nonce())
    clock.advance(300 + MARGIN_SECONDS - 0.1)
    assert not await guard.claim(_nonce())


async def test_a_small_step_of_the_clock_is_harmless(guard, clock):
    await guard.claim(_nonce())
    clock.advance(300 + MARGIN_SECONDS)
    await guard.claim(_nonce("later", now=clock.now()))
    clock.set(clock.now() - MARGIN_SECONDS)
    assert await guard.claim(_nonce("again", now=clock.now()))


async def test_a_clock_that_went_back_behind_what_was_forgotten_fails(guard, clock):
    """The forgotten nonce's timestamp would be believed again."""
    await guard.claim(_nonce())
    clock.advance(300 + MARGIN_SECONDS)
    await guard.claim(_nonce("later", now=clock.now()))
    clock.set(START + 200)
    with pytest.raises(Failure, match="clock went back by 100 s"):
        await guard.claim(_nonce(now=clock.now()))
    clock.set(START + 300)
    assert await guard.claim(_nonce("fresh", now=clock.now()))


async def test_after_a_restart_older_timestamps_are_refused(clock):
    guard = MemoryReplayGuard(RULES, clock, first=False)
    with pytest.raises(TimestampOutOfWindow):
        await guard.claim(_nonce("a", issued_at=START - 1.5))
    assert await guard.claim(_nonce("a", issued_at=int(START)))


async def test_after_a_restart_unknown_timestamps_are_refused_for_a_window(clock):
    guard = MemoryReplayGuard(RULES, clock, first=False)
    clock.advance(RULES.timestamp_window - 1)
    with pytest.raises(TimestampOutOfWindow):
        await guard.claim(_nonce("a", now=clock.now()))
    clock.advance(1)
    assert await guard.claim(_nonce("a", now=clock.now()))


@given(
    st.lists(
        st.tuples(
            st.sampled_from("abcdef"),
            st.floats(1, 400),
            st.floats(-200, 500),
        ),
        max_size=40,
    )
)
def test_no_nonce_is_taken_twice_while_it_lives(events):
    """Whatever the clock does: taken twice means that it had expired in between."""
    clock = FakeClock(START)
    guard = MemoryReplayGuard(ReplayRules(nonce_cache_size=4), clock)
    taken: dict[str, float] = {}
    for value, seconds, step in events:
        clock.set(clock.now() + step)
        nonce = _nonce(value, seconds, clock.now())
        try:
            guard.claim(nonce).send(None)
        except StopIteration as answered:
            if answered.value:
                assert clock.now() >= taken.get(value, 0.0)
                taken[value] = nonce.expires_at
            else:
                assert value in taken
        except Failure:
            pass
        assert len(guard._used) <= 4
