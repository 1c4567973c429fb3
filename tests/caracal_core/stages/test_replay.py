"""A nonce is claimed as the route demands, within the timestamp's window, per principal."""

import pytest

from caracal_core.errors import BadRequest, NonceMissing, Replayed, TimestampOutOfWindow
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

    def start(*headers, rule="when_present", agent="anna"):
        request, route = a_request(headers=headers), a_route(replay=rule)
        return watched(lambda due: stage.claim(request, a_principal(agent), route, due))

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


@pytest.mark.parametrize("timestamp", [NOW - 301, NOW + 61, 0, 10**12 - 1])
async def test_a_timestamp_outside_the_window_is_refused_and_claims_nothing(
    claim, guard, timestamp
):
    with pytest.raises(TimestampOutOfWindow):
        await claim(*stamped(timestamp=timestamp))
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
