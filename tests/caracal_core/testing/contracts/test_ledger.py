"""The ledger's contract: the fake passes it, and each way to lose count is caught."""

import asyncio

import pytest

from caracal_core.domain import Money, Receipt
from caracal_core.errors import BudgetExceeded
from caracal_core.testing.contracts import LedgerContract
from caracal_core.testing.fakes import FakeLedger


def _fund_of(ledger):
    async def fund(account, limit, parent=None):
        ledger.limit(account, limit)

    return fund


class TestFakeLedger(LedgerContract):
    """The kit's own fake keeps the contract."""

    @pytest.fixture
    def ledger(self):
        return FakeLedger()

    @pytest.fixture
    def fund(self, ledger):
        return _fund_of(ledger)


class _Generous(FakeLedger):
    """Holds whatever it is asked to."""

    @staticmethod
    def _shortage(charge, budgets):
        return None


class _Miserly(FakeLedger):
    """Keeps one micro-unit for itself."""

    @staticmethod
    def _shortage(charge, budgets):
        larger = Money(charge.amount.micro + 1, "USD")
        if any(larger.micro > budget.left for budget in budgets.values()):
            return BudgetExceeded(charge.amount, charge.accounts[0], "total")
        return None


class _Talkative(FakeLedger):
    """Tells an agent what its team has left."""

    @staticmethod
    def _shortage(charge, budgets):
        refusal = FakeLedger._shortage(charge, budgets)
        if refusal is not None and refusal.window:
            refusal.available = Money(0, "USD")
        return refusal


class _Childless(FakeLedger):
    """Looks at the agent's own account only."""

    def _path(self, charge):
        return dict(list(super()._path(charge).items())[:1])


class _Piecemeal(FakeLedger):
    """Takes level after level, and stops at the one that is short."""

    def reserve(self, charge):
        for account, budget in self._path(charge).items():
            if charge.amount.micro > budget.left:
                return _failed(BudgetExceeded(charge.amount, account, "total"))
            budget.held += charge.amount.micro
        return super().reserve(charge)


class _Unlimited(FakeLedger):
    """Takes no budget for no limit."""

    @staticmethod
    def _shortage(charge, budgets):
        return FakeLedger._shortage(charge, budgets) if budgets else None


class _ManyMoneys(FakeLedger):
    """Adds up currencies."""

    def _path(self, charge):
        return {account: b for (account, _), b in self._budgets.items()}


class _Repeating(FakeLedger):
    """Holds again at each retry."""

    def reserve(self, charge):
        if charge.id in self._pending:
            for budget in self._path(charge).values():
                budget.held += charge.amount.micro
        return super().reserve(charge)


class _LastEndingStands(FakeLedger):
    def _end(self, receipt):
        before = self._receipts.pop(receipt.id, None)
        if before is not None:
            self._budgets["alice", "USD"].spent += receipt.amount.micro - before.amount.micro
        return super()._end(receipt)


class _Careless(FakeLedger):
    """Loses what was spent after a void."""

    def _adjust(self, late):
        """Book nothing."""


class _TwiceLate(FakeLedger):
    """Books what was spent after a void as often as it is told."""

    def _adjust(self, late):
        charge = self._voided.get(late.id)
        super()._adjust(late)
        self._voided[late.id] = charge


class _Forgetful(FakeLedger):
    """Does not remember a void of what it never held."""

    def void(self, id, cause):
        if id not in self._pending:
            return _answered(Receipt(id, "voided", Money(0, "USD"), cause))
        return super().void(id, cause)


class _Capped(FakeLedger):
    """Books no more than was held."""

    def post(self, id, amount, cause, basis="held"):
        held = self._pending[id].amount if id in self._pending else amount
        return super().post(id, min(amount, held, key=lambda money: money.micro), cause)


class _KeepsTheRest(FakeLedger):
    """Books all that was held."""

    def post(self, id, amount, cause, basis="held"):
        held = self._pending[id].amount if id in self._pending else amount
        return super().post(id, held, cause)


class _Lazy(FakeLedger):
    """Begins to work when somebody waits."""

    def reserve(self, charge):
        class Later:
            def __await__(later):  # noqa: N805 - the ledger is self
                return FakeLedger.reserve(self, charge).__await__()

        return Later()


class _Fragile(FakeLedger):
    """Dies with whoever waits for it."""

    def reserve(self, charge):
        async def work():
            await asyncio.sleep(0)
            return await FakeLedger.reserve(self, charge)

        return asyncio.ensure_future(work())

    def post(self, id, amount, cause, basis="held"):
        async def work():
            await asyncio.sleep(0)
            return await FakeLedger.post(self, id, amount, cause)

        return asyncio.ensure_future(work())


class _Hesitant(FakeLedger):
    """Looks, waits, and then takes."""

    def reserve(self, charge):
        budgets = self._path(charge)
        refusal = self._shortage(charge, budgets)

        async def work():
            await asyncio.sleep(0)
            if refusal:
                raise refusal
            for budget in budgets.values():
                budget.held += charge.amount.micro
            self._pending[charge.id] = charge
            return await FakeLedger.reserve(self, charge)

        return asyncio.ensure_future(work())


class _SameExpiry(FakeLedger):
    def reserve(self, charge):
        async def work():
            reservation = await FakeLedger.reserve(self, charge)
            return type(reservation)(reservation.id, reservation.amount, 0.0)

        return asyncio.ensure_future(work())


def _answered(value):
    future = asyncio.get_running_loop().create_future()
    future.set_result(value)
    return future


def _failed(error):
    future = asyncio.get_running_loop().create_future()
    future.set_exception(error)
    return future


@pytest.mark.parametrize(
    ("ledger", "test"),
    [
        (_SameExpiry, "test_a_longer_hold_ends_later"),
        (_Miserly, "test_the_whole_limit_fits"),
        (_Generous, "test_one_micro_unit_more_does_not"),
        (_Miserly, "test_a_refusal_says_what_was_short"),
        (_Talkative, "test_a_parent_that_is_short_keeps_its_figures"),
        (_Unlimited, "test_without_a_budget_nothing_is_held"),
        (_ManyMoneys, "test_a_budget_in_another_currency_does_not_count"),
        (_Childless, "test_every_level_is_charged"),
        (_Piecemeal, "test_all_levels_are_charged_or_none"),
        (_KeepsTheRest, "test_a_smaller_post_gives_the_rest_back"),
        (_KeepsTheRest, "test_a_post_of_nothing_costs_nothing"),
        (_Capped, "test_a_larger_post_is_booked_in_full"),
        (_Repeating, "test_a_repeated_reserve_holds_once"),
        (_LastEndingStands, "test_the_first_of_two_endings_stands"),
        (_Careless, "test_money_spent_after_a_void_is_booked_beside_it"),
        (_TwiceLate, "test_money_spent_after_a_void_is_booked_beside_it"),
        (_LastEndingStands, "test_money_spent_after_a_void_is_booked_beside_it"),
        (_Forgetful, "test_a_void_of_an_unknown_id_is_remembered"),
        (_Lazy, "test_a_call_is_taken_over_though_nobody_waits"),
        (_Fragile, "test_cancelling_the_wait_for_a_hold_does_not_undo_it"),
        (_Fragile, "test_cancelling_the_wait_for_an_ending_does_not_undo_it"),
        (_Hesitant, "test_one_of_fifty_gets_the_last_unit"),
        (_Hesitant, "test_a_shared_parent_is_exact_under_load"),
        (_Generous, "test_the_largest_amounts_do_not_overflow"),
    ],
)
async def test_a_faulty_ledger_is_caught(fails, ledger, test):
    def make():
        one = ledger()
        return {"ledger": one, "fund": _fund_of(one)}

    assert await fails(LedgerContract, test, make)
