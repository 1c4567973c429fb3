"""The contract of a ledger's keys: the fake passes it, and each way to charge twice is caught."""

import pytest

from caracal_core.testing.contracts import LedgerKeysContract
from caracal_core.testing.fakes import FakeLedger


def _fund_of(ledger):
    async def fund(account, limit, parent=None):
        ledger.limit(account, limit)

    return fund


class TestFakeLedger(LedgerKeysContract):
    """The kit's own fake keeps the contract."""

    @pytest.fixture
    def ledger(self):
        return FakeLedger()

    @pytest.fixture
    def fund(self, ledger):
        return _fund_of(ledger)


class _Keyless(FakeLedger):
    """Never heard of keys."""

    def _conflict(self, charge):
        return None


class _Renaming(FakeLedger):
    """Gives each attempt a public id of its own."""

    def _remember(self, charge):
        self._keys[charge.agent, charge.key] = charge


class _Once(FakeLedger):
    """Takes a voided attempt for a charge."""

    def _conflict(self, charge):
        self._voided.clear()
        return super()._conflict(charge)


class _OneForAll(FakeLedger):
    """Keeps the keys of all agents together."""

    def _conflict(self, charge):
        self._keys |= {("bob", key): kept for (_, key), kept in self._keys.items()}
        return super()._conflict(charge)


class _Lax(FakeLedger):
    """Looks at no fingerprint."""

    def _conflict(self, charge):
        conflict = super()._conflict(charge)
        return None if conflict and conflict.code == "idempotency_key_reused" else conflict


class _Hasty(FakeLedger):
    """Notes the key before it looks at the money."""

    def _shortage(self, charge, budgets):
        self._remember(charge)
        return super()._shortage(charge, budgets)


class _CaseBlind(FakeLedger):
    def _conflict(self, charge):
        twins = [kept for (_, key), kept in self._keys.items() if key.lower() == charge.key.lower()]
        return super()._conflict(twins[0]) if twins else None


class _EndsTheFirst(FakeLedger):
    """Ends whatever stands under the key."""

    def void(self, id, cause):
        for charge in [] if id in self._pending else list(self._pending.values()):
            super().void(charge.id, cause)
        return super().void(id, cause)


@pytest.mark.parametrize(
    ("ledger", "test"),
    [
        (_Keyless, "test_while_the_first_attempt_is_pending_there_is_no_other"),
        (_EndsTheFirst, "test_while_the_first_attempt_is_pending_there_is_no_other"),
        (_Keyless, "test_what_was_posted_is_not_charged_again"),
        (_Keyless, "test_a_post_of_nothing_is_a_post"),
        (_Renaming, "test_after_a_void_it_is_held_again_under_the_same_public_id"),
        (_Once, "test_after_a_void_it_is_held_again_under_the_same_public_id"),
        (_Lax, "test_another_request_under_the_same_key_is_refused"),
        (_OneForAll, "test_a_key_is_its_agents_own"),
        (_CaseBlind, "test_keys_are_told_apart_to_the_last_character"),
        (_Hasty, "test_what_did_not_fit_leaves_the_key_free"),
        (_Keyless, "test_one_of_many_at_once_is_held"),
    ],
)
async def test_a_faulty_ledger_is_caught(fails, ledger, test):
    def make():
        part = ledger()
        return {"ledger": part, "fund": _fund_of(part)}

    assert await fails(LedgerKeysContract, test, make)
