"""The fake replay guard shows what it saw; that it forgets nothing, its contract proves."""

from caracal_core.domain import Nonce
from caracal_core.testing.fakes import FakeReplayGuard


async def test_it_shows_what_was_claimed():
    guard = FakeReplayGuard()
    await guard.claim(Nonce("alice", "n-1", 0.0))
    assert guard.claimed == {("alice", "n-1")}
