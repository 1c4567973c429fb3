# ruff: noqa: S101 - a contract is a set of tests
"""What every ledger owes to a client's ``Idempotency-Key``: one key is charged once."""

from __future__ import annotations

import asyncio

import pytest

from caracal_core.domain import Cause, Charge, Reservation
from caracal_core.errors import BudgetExceeded, IdempotencyConflict
from caracal_core.ports import Ledger
from caracal_core.testing.contracts.ledger import Fund
from caracal_core.testing.fakes import a_charge, usd

FINGERPRINT, ANOTHER = "0" * 64, "f" * 64


class LedgerKeysContract:
    """Give ``ledger`` and ``fund``, as for `LedgerContract`."""

    @pytest.fixture
    def ledger(self) -> Ledger:
        """Give the part under test, with empty books."""
        raise NotImplementedError("give the fixture 'ledger': the part under test, its books empty")

    @pytest.fixture
    def fund(self) -> Fund:
        """Give what makes accounts with budgets."""
        raise NotImplementedError("give the fixture 'fund': async (account, limit, parent=None)")

    async def test_a_first_attempt_bears_its_own_id(self, ledger: Ledger, fund: Fund) -> None:
        """A key that nobody has used is in nobody's way."""
        await fund("alice", usd("1"))
        charge = _keyed()
        assert (await ledger.reserve(charge)).id == charge.id

    async def test_asking_again_for_the_same_attempt_finds_it(
        self, ledger: Ledger, fund: Fund
    ) -> None:
        """The gateway's own second try after a lost answer is no second attempt."""
        await fund("alice", usd("1"))
        charge = _keyed()
        await ledger.reserve(charge)
        assert (await ledger.reserve(charge)).id == charge.id

    async def test_while_the_first_attempt_is_pending_there_is_no_other(
        self, ledger: Ledger, fund: Fund
    ) -> None:
        """And the attempt that is refused can be ended without ending the first one."""
        await fund("alice", usd("1"))
        first, second = _keyed(), _keyed()
        await ledger.reserve(first)
        await _assert_conflict(ledger, second, "idempotency_in_flight", first.id)
        await ledger.void(second.id, "not_sent")
        await _assert_conflict(ledger, _keyed(), "idempotency_in_flight", first.id)
        assert (await ledger.post(first.id, usd("0.1"), "reply")).state == "posted"

    @pytest.mark.parametrize("cause", ["reply", "cut", "client_gone"])
    async def test_what_was_posted_is_not_charged_again(
        self, ledger: Ledger, fund: Fund, cause: Cause
    ) -> None:
        """Whatever became of its reply; else all but a last byte would be free."""
        await fund("alice", usd("1"))
        first = _keyed()
        await ledger.reserve(first)
        await ledger.post(first.id, usd("0.1"), cause)
        await _assert_conflict(ledger, _keyed(), "already_charged", first.id)
        await ledger.reserve(a_charge(usd("0.9"), "alice"))

    async def test_a_post_of_nothing_is_a_post(self, ledger: Ledger, fund: Fund) -> None:
        """The call was done, though it was free."""
        await fund("alice", usd("1"))
        first = _keyed()
        await ledger.reserve(first)
        await ledger.post(first.id, usd("0"), "reply", "stated")
        await _assert_conflict(ledger, _keyed(), "already_charged", first.id)

    async def test_after_a_void_it_is_held_again_under_the_same_public_id(
        self, ledger: Ledger, fund: Fund
    ) -> None:
        """However often; and each attempt is ended by its own id."""
        await fund("alice", usd("0.1"))
        first, second, third = _keyed(), _keyed(), _keyed()
        for attempt in (first, second):
            assert (await ledger.reserve(attempt)).id == first.id
            await ledger.void(attempt.id, "upstream_failed")
        assert (await ledger.reserve(third)).id == first.id
        await ledger.void(second.id, "not_sent")
        with pytest.raises(BudgetExceeded):
            await ledger.reserve(a_charge(usd("0.000001"), "alice"))
        await ledger.post(third.id, usd("0.1"), "reply")
        await _assert_conflict(ledger, _keyed(), "already_charged", first.id)

    async def test_another_request_under_the_same_key_is_refused(
        self, ledger: Ledger, fund: Fund
    ) -> None:
        """Before and after the first one ended, voided or not."""
        await fund("alice", usd("1"))
        first = _keyed()
        await ledger.reserve(first)
        other = _keyed(fingerprint=ANOTHER)
        await _assert_conflict(ledger, other, "idempotency_key_reused")
        await ledger.void(first.id, "upstream_failed")
        await _assert_conflict(ledger, _keyed(fingerprint=ANOTHER), "idempotency_key_reused")

    async def test_a_key_is_its_agents_own(self, ledger: Ledger, fund: Fund) -> None:
        """Two agents that hit on the same key do not meet."""
        await fund("alice", usd("1"))
        await fund("bob", usd("1"))
        await ledger.reserve(_keyed())
        bobs = _keyed("bob", fingerprint=ANOTHER)
        assert (await ledger.reserve(bobs)).id == bobs.id

    async def test_keys_are_told_apart_to_the_last_character(
        self, ledger: Ledger, fund: Fund
    ) -> None:
        """Case and spaces included."""
        await fund("alice", usd("1"))
        for key in ("a", "A", "a a", "a" * 255, "a" * 254 + "b"):
            charge = _keyed(key=key)
            assert (await ledger.reserve(charge)).id == charge.id

    async def test_what_did_not_fit_leaves_the_key_free(self, ledger: Ledger, fund: Fund) -> None:
        """Nothing was held, so nothing is in flight."""
        await fund("alice", usd("0.1"))
        refused = _keyed(amount="0.4")
        with pytest.raises(BudgetExceeded):
            await ledger.reserve(refused)
        await ledger.void(refused.id, "not_sent")
        assert isinstance(await ledger.reserve(_keyed()), Reservation)

    async def test_one_of_many_at_once_is_held(self, ledger: Ledger, fund: Fund) -> None:
        """The others are told that it is in flight, and hold nothing."""
        await fund("alice", usd("1"))
        waits = [asyncio.ensure_future(_answer(ledger, _keyed())) for _ in range(20)]
        answers = await asyncio.gather(*waits)
        assert sorted(answers) == ["held", *["idempotency_in_flight"] * 19]
        await ledger.reserve(a_charge(usd("0.9"), "alice"))


def _keyed(
    agent: str = "alice",
    *,
    key: str = "key-1",
    fingerprint: str = FINGERPRINT,
    amount: str = "0.1",
) -> Charge:
    """Make a new attempt with a key."""
    return a_charge(usd(amount), agent, key=key, fingerprint=fingerprint)


async def _answer(ledger: Ledger, charge: Charge) -> str:
    try:
        await ledger.reserve(charge)
    except IdempotencyConflict as conflict:
        return conflict.code
    return "held"


async def _assert_conflict(ledger: Ledger, charge: Charge, code: str, public: str = "") -> None:
    with pytest.raises(IdempotencyConflict) as caught:
        await ledger.reserve(charge)
    assert caught.value.code == code
    assert not public or caught.value.charge == public
