# ruff: noqa: S101, PLR2004 - a contract is a set of tests
"""What every replay guard owes: one claim wins, and nothing alive is forgotten."""

from __future__ import annotations

import asyncio
import contextlib
import string
import time

import pytest

from caracal_core.domain import Nonce
from caracal_core.errors import Failure
from caracal_core.ports import ReplayGuard

VISIBLE = "".join(sorted({*string.ascii_letters, *string.digits, *string.punctuation}))


class ReplayGuardContract:
    """Give ``replay_guard``.

    The others have defaults: ``replica``, a second guard over the same store (the same guard,
    for one that lives in memory); ``now``, unix seconds by the guard's clock (the real one);
    and ``capacity``, how many live nonces it holds (200; make it no larger than that).
    """

    @pytest.fixture
    def replay_guard(self) -> ReplayGuard:
        """Give the part under test, with an empty memory."""
        raise NotImplementedError("give the fixture 'replay_guard': the part under test, empty")

    @pytest.fixture
    def replica(self, replay_guard: ReplayGuard) -> ReplayGuard:
        """Give another process's guard over the same store."""
        return replay_guard

    @pytest.fixture
    def now(self) -> float:
        """Give the time by the guard's clock."""
        return time.time()

    @pytest.fixture
    def capacity(self) -> int:
        """Give the number of live nonces that fit."""
        return 200

    async def test_it_has_the_shape_of_a_replay_guard(self, replay_guard: ReplayGuard) -> None:
        """The house can find its verb."""
        assert isinstance(replay_guard, ReplayGuard)

    async def test_the_first_claim_is_true(self, replay_guard: ReplayGuard, now: float) -> None:
        """A fresh nonce is the bool True, and not merely something truthy."""
        assert await replay_guard.claim(_nonce(now)) is True

    async def test_every_later_claim_is_false(self, replay_guard: ReplayGuard, now: float) -> None:
        """A used nonce is the bool False, as often as it is tried."""
        await replay_guard.claim(_nonce(now))
        assert [await replay_guard.claim(_nonce(now)) for _ in range(3)] == [False] * 3

    async def test_another_value_is_fresh(self, replay_guard: ReplayGuard, now: float) -> None:
        """One agent's nonces do not stand in each other's way."""
        await replay_guard.claim(_nonce(now, value="one"))
        assert await replay_guard.claim(_nonce(now, value="two")) is True

    async def test_another_scope_is_fresh(self, replay_guard: ReplayGuard, now: float) -> None:
        """Agents cannot burn each other's nonces."""
        await replay_guard.claim(_nonce(now, scope="alice"))
        assert await replay_guard.claim(_nonce(now, scope="bob")) is True

    async def test_scope_and_value_are_kept_apart(
        self, replay_guard: ReplayGuard, now: float
    ) -> None:
        """Joining them without a boundary would let two pairs read the same."""
        assert await replay_guard.claim(_nonce(now, scope="a", value="bc")) is True
        assert await replay_guard.claim(_nonce(now, scope="ab", value="c")) is True
        assert await replay_guard.claim(_nonce(now, scope="a:b", value="c")) is True
        assert await replay_guard.claim(_nonce(now, scope="a", value="b:c")) is True

    async def test_case_matters(self, replay_guard: ReplayGuard, now: float) -> None:
        """Values and scopes are compared byte for byte."""
        assert await replay_guard.claim(_nonce(now, scope="agent", value="aa")) is True
        assert await replay_guard.claim(_nonce(now, scope="agent", value="AA")) is True
        assert await replay_guard.claim(_nonce(now, scope="Agent", value="aa")) is True

    async def test_the_longest_values_differ_in_their_last_character(
        self, replay_guard: ReplayGuard, now: float
    ) -> None:
        """Nothing is cut off a value of 128 characters."""
        assert await replay_guard.claim(_nonce(now, value="x" * 127 + "a")) is True
        assert await replay_guard.claim(_nonce(now, value="x" * 127 + "b")) is True
        assert await replay_guard.claim(_nonce(now, value="x" * 127 + "a")) is False

    async def test_the_longest_scopes_differ_in_their_last_character(
        self, replay_guard: ReplayGuard, now: float
    ) -> None:
        """Nothing is cut off an agent's name of 128 characters."""
        assert await replay_guard.claim(_nonce(now, scope="x" * 127 + "a")) is True
        assert await replay_guard.claim(_nonce(now, scope="x" * 127 + "b")) is True
        assert await replay_guard.claim(_nonce(now, scope="x" * 127 + "a")) is False

    async def test_every_visible_character_is_data(
        self, replay_guard: ReplayGuard, now: float
    ) -> None:
        """Quotes, percent signs and backslashes mean nothing to the store."""
        for value in (VISIBLE, "'; DROP TABLE nonces; --", "%s", "$1", "\\0", '"'):
            assert await replay_guard.claim(_nonce(now, value=value)) is True
            assert await replay_guard.claim(_nonce(now, value=value)) is False

    async def test_a_later_expiry_does_not_make_it_fresh(
        self, replay_guard: ReplayGuard, now: float
    ) -> None:
        """The expiry is not part of what is claimed."""
        await replay_guard.claim(Nonce("agent", "value", now + 300))
        assert await replay_guard.claim(Nonce("agent", "value", now + 400)) is False
        assert await replay_guard.claim(Nonce("agent", "value", now + 200)) is False

    async def test_one_of_many_simultaneous_claims_wins(
        self, replay_guard: ReplayGuard, now: float
    ) -> None:
        """Exactly one, not about one."""
        claims = await asyncio.gather(*(replay_guard.claim(_nonce(now)) for _ in range(50)))
        assert claims.count(True) == 1
        assert claims.count(False) == 49

    async def test_simultaneous_claims_of_different_nonces_all_win(
        self, replay_guard: ReplayGuard, now: float
    ) -> None:
        """Nobody loses because of somebody else's claim."""
        nonces = [_nonce(now, value=f"value-{number}") for number in range(50)]
        assert all(await asyncio.gather(*map(replay_guard.claim, nonces)))

    async def test_mixed_simultaneous_claims_are_judged_one_by_one(
        self, replay_guard: ReplayGuard, now: float
    ) -> None:
        """Repeats within one batch are repeats."""
        nonces = [_nonce(now, value=f"value-{number % 10}") for number in range(50)]
        claims = await asyncio.gather(*map(replay_guard.claim, nonces))
        for value in range(10):
            assert claims[value::10].count(True) == 1

    async def test_a_replica_knows_what_was_claimed(
        self, replay_guard: ReplayGuard, replica: ReplayGuard, now: float
    ) -> None:
        """A used nonce does not pass at the next process."""
        await replay_guard.claim(_nonce(now))
        assert await replica.claim(_nonce(now)) is False

    async def test_one_of_many_claims_at_two_replicas_wins(
        self, replay_guard: ReplayGuard, replica: ReplayGuard, now: float
    ) -> None:
        """In the same millisecond, too."""
        guards = [replay_guard, replica] * 25
        claims = await asyncio.gather(*(guard.claim(_nonce(now)) for guard in guards))
        assert claims.count(True) == 1

    async def test_a_cancelled_claim_leaves_a_clear_answer(
        self, replay_guard: ReplayGuard, now: float
    ) -> None:
        """Claimed or not, from then on the nonce is used once at most."""
        claim = asyncio.ensure_future(replay_guard.claim(_nonce(now)))
        await asyncio.sleep(0)
        claim.cancel()
        await asyncio.gather(claim, return_exceptions=True)
        later = [await replay_guard.claim(_nonce(now)) for _ in range(3)]
        assert later in ([True, False, False], [False, False, False])

    async def test_a_cancelled_claim_does_not_harm_its_neighbours(
        self, replay_guard: ReplayGuard, now: float
    ) -> None:
        """Claims that share a batch do not share a fate."""
        nonces = [_nonce(now, value=f"value-{number}") for number in range(10)]
        claims = [asyncio.ensure_future(replay_guard.claim(nonce)) for nonce in nonces]
        await asyncio.sleep(0)
        claims[0].cancel()
        answers = await asyncio.gather(*claims, return_exceptions=True)
        assert answers[1:] == [True] * 9

    async def test_a_live_nonce_is_never_forgotten_to_make_room(
        self, replay_guard: ReplayGuard, now: float, capacity: int
    ) -> None:
        """A flood of fresh nonces may fill the store; it does not make old ones fresh."""
        assert await replay_guard.claim(_nonce(now, value="first")) is True
        for number in range(capacity + 10):
            with contextlib.suppress(Failure):
                await replay_guard.claim(_nonce(now, value=f"flood-{number}"))
        again = False
        with contextlib.suppress(Failure):
            again = await replay_guard.claim(_nonce(now, value="first"))
        assert again is False


def _nonce(now: float, scope: str = "agent", value: str = "value") -> Nonce:
    return Nonce(scope, value, now + 300)
