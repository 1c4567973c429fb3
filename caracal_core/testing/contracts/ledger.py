# ruff: noqa: S101, PLR2004 - a contract is a set of tests
"""What every ledger owes: money that is exact, held before it is spent, and booked once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from caracal_core.domain import Charge, Money, Receipt, Reservation
from caracal_core.domain.money import LARGEST
from caracal_core.errors import Answered, BudgetExceeded
from caracal_core.ports import Ledger
from caracal_core.testing.fakes import a_charge, usd

Fund = Callable[..., Awaitable[None]]
WINDOWS = {"hour", "day", "week", "month", "total"}
PATIENCE_SECONDS = 10.0


class LedgerContract:
    """Give ``ledger`` and ``fund``.

    ``fund(account, limit, parent=None)`` makes the account if there is none, below the parent,
    and gives it a budget of that limit for all time (so that no window ends during a test).
    A ledger without accounts of its own may ignore the parent.
    """

    @pytest.fixture
    def ledger(self) -> Ledger:
        """Give the part under test, with empty books."""
        raise NotImplementedError("give the fixture 'ledger': the part under test, its books empty")

    @pytest.fixture
    def fund(self) -> Fund:
        """Give what makes accounts with budgets."""
        raise NotImplementedError("give the fixture 'fund': async (account, limit, parent=None)")

    async def test_it_has_the_shape_of_a_ledger(self, ledger: Ledger) -> None:
        """The house can find its verbs."""
        assert isinstance(ledger, Ledger)

    async def test_a_reservation_says_what_is_held(self, ledger: Ledger, fund: Fund) -> None:
        """It bears the charge's id, its amount and an instant at which it ends."""
        await fund("alice", usd("1"))
        charge = a_charge(usd("0.25"), "alice")
        reservation = await ledger.reserve(charge)
        assert isinstance(reservation, Reservation)
        assert (reservation.id, reservation.amount) == (charge.id, usd("0.25"))

    async def test_a_longer_hold_ends_later(self, ledger: Ledger, fund: Fund) -> None:
        """The expiry follows the charge's own seconds."""
        await fund("alice", usd("1"))
        short = await ledger.reserve(a_charge(usd("0.1"), "alice", expire_seconds=60))
        long = await ledger.reserve(a_charge(usd("0.1"), "alice", expire_seconds=3600))
        assert 3000 < long.expires_at - short.expires_at < 4000

    async def test_the_whole_limit_fits(self, ledger: Ledger, fund: Fund) -> None:
        """To the last micro-unit."""
        await fund("alice", usd("1"))
        await _hold(ledger, "0.999999", "alice")
        await _hold(ledger, "0.000001", "alice")
        assert await _left(ledger, "alice") == usd("0")

    async def test_one_micro_unit_more_does_not(self, ledger: Ledger, fund: Fund) -> None:
        """A limit is a limit."""
        await fund("alice", usd("1"))
        with pytest.raises(BudgetExceeded):
            await _hold(ledger, "1.000001", "alice")
        assert await _left(ledger, "alice") == usd("1")

    async def test_a_refusal_says_what_was_short(self, ledger: Ledger, fund: Fund) -> None:
        """The client learns what it needed and, of its own account, what was left."""
        await fund("alice", usd("1"))
        await _hold(ledger, "0.25", "alice")
        with pytest.raises(BudgetExceeded) as caught:
            await _hold(ledger, "0.8", "alice")
        refusal = caught.value
        assert refusal.needed == usd("0.8")
        assert refusal.account == "alice"
        assert refusal.window in WINDOWS
        assert refusal.available == usd("0.75")

    async def test_a_parent_that_is_short_keeps_its_figures(
        self, ledger: Ledger, fund: Fund
    ) -> None:
        """An agent does not learn what its team has left."""
        await fund("team", usd("0.5"))
        await fund("alice", usd("10"), parent="team")
        with pytest.raises(BudgetExceeded) as caught:
            await _hold(ledger, "1", "alice", "team")
        assert caught.value.account == "team"
        assert caught.value.available is None

    async def test_without_a_budget_nothing_is_held(self, ledger: Ledger) -> None:
        """No budget on the path is no money, and no limit at all is never meant."""
        with pytest.raises(BudgetExceeded) as caught:
            await _hold(ledger, "0.000001", "nobody")
        assert caught.value.window == ""
        assert caught.value.available is None

    async def test_a_budget_in_another_currency_does_not_count(
        self, ledger: Ledger, fund: Fund
    ) -> None:
        """Currencies are never added up."""
        await fund("alice", usd("1"))
        with pytest.raises(BudgetExceeded) as caught:
            await ledger.reserve(a_charge(Money.parse("0.1", "EUR"), "alice"))
        assert caught.value.window == ""
        assert await _left(ledger, "alice") == usd("1")

    async def test_a_parents_budget_covers_a_child_without_one(
        self, ledger: Ledger, fund: Fund
    ) -> None:
        """A team's agents may share one budget."""
        await fund("team", usd("1"))
        await _hold(ledger, "0.6", "alice", "team")
        with pytest.raises(BudgetExceeded):
            await _hold(ledger, "0.6", "bob", "team")

    async def test_every_level_is_charged(self, ledger: Ledger, fund: Fund) -> None:
        """What one child holds, the other cannot take from their parent."""
        await fund("team", usd("1"))
        await fund("alice", usd("1"), parent="team")
        await fund("bob", usd("1"), parent="team")
        await _hold(ledger, "0.7", "alice", "team")
        with pytest.raises(BudgetExceeded) as caught:
            await _hold(ledger, "0.4", "bob", "team")
        assert caught.value.account == "team"
        await _hold(ledger, "0.3", "bob", "team")

    async def test_all_levels_are_charged_or_none(self, ledger: Ledger, fund: Fund) -> None:
        """A parent's refusal leaves the child's budget whole."""
        await fund("team", usd("0.5"))
        await fund("alice", usd("1"), parent="team")
        with pytest.raises(BudgetExceeded):
            await _hold(ledger, "0.6", "alice", "team")
        await _hold(ledger, "1", "alice")

    async def test_a_void_gives_the_money_back(self, ledger: Ledger, fund: Fund) -> None:
        """On every level."""
        await fund("team", usd("1"))
        await fund("alice", usd("1"), parent="team")
        charge = await _hold(ledger, "1", "alice", "team")
        receipt = await ledger.void(charge.id, "not_sent")
        assert receipt == Receipt(charge.id, "voided", usd("0"), "not_sent")
        await _hold(ledger, "1", "alice", "team")

    async def test_a_post_spends_the_money(self, ledger: Ledger, fund: Fund) -> None:
        """For good: what is posted is not there for anybody."""
        await fund("alice", usd("1"))
        charge = await _hold(ledger, "1", "alice")
        receipt = await ledger.post(charge.id, usd("1"), "reply")
        assert receipt == Receipt(charge.id, "posted", usd("1"), "reply")
        assert await _left(ledger, "alice") == usd("0")

    async def test_a_smaller_post_gives_the_rest_back(self, ledger: Ledger, fund: Fund) -> None:
        """Exactly the rest, on every level."""
        await fund("team", usd("1"))
        await fund("alice", usd("1"), parent="team")
        charge = await _hold(ledger, "0.9", "alice", "team")
        await ledger.post(charge.id, usd("0.123456"), "reply")
        assert await _left(ledger, "alice") == usd("0.876544")
        await _hold(ledger, "0.876544", "alice", "team")

    async def test_a_larger_post_is_booked_in_full(self, ledger: Ledger, fund: Fund) -> None:
        """The money was really spent; the next hold finds nothing left."""
        await fund("alice", usd("1"))
        charge = await _hold(ledger, "0.5", "alice")
        receipt = await ledger.post(charge.id, usd("1.5"), "reply")
        assert receipt.amount == usd("1.5")
        with pytest.raises(BudgetExceeded):
            await _hold(ledger, "0.000001", "alice")

    async def test_a_post_of_nothing_costs_nothing(self, ledger: Ledger, fund: Fund) -> None:
        """A reply may turn out to be free."""
        await fund("alice", usd("1"))
        charge = await _hold(ledger, "0.5", "alice")
        await ledger.post(charge.id, usd("0"), "reply")
        assert await _left(ledger, "alice") == usd("1")

    async def test_a_repeated_reserve_holds_once(self, ledger: Ledger, fund: Fund) -> None:
        """A retry after a lost answer finds the hold of the first try."""
        await fund("alice", usd("1"))
        charge = a_charge(usd("0.4"), "alice")
        first = await ledger.reserve(charge)
        again = await asyncio.gather(*(ledger.reserve(charge) for _ in range(5)))
        assert {reservation.id for reservation in again} == {first.id}
        assert {reservation.amount for reservation in again} == {first.amount}
        assert await _left(ledger, "alice") == usd("0.6")

    async def test_a_repeated_post_spends_once(self, ledger: Ledger, fund: Fund) -> None:
        """Each repetition gets the same receipt."""
        await fund("alice", usd("1"))
        charge = await _hold(ledger, "0.4", "alice")
        receipt = await ledger.post(charge.id, usd("0.3"), "reply")
        assert await ledger.post(charge.id, usd("0.3"), "reply") == receipt
        assert await _left(ledger, "alice") == usd("0.7")

    async def test_a_repeated_void_gives_back_once(self, ledger: Ledger, fund: Fund) -> None:
        """Each repetition gets the same receipt."""
        await fund("alice", usd("1"))
        await _hold(ledger, "0.5", "alice")
        charge = await _hold(ledger, "0.4", "alice")
        receipt = await ledger.void(charge.id, "client_gone")
        assert await ledger.void(charge.id, "client_gone") == receipt
        assert await _left(ledger, "alice") == usd("0.5")

    async def test_the_first_of_two_endings_stands(self, ledger: Ledger, fund: Fund) -> None:
        """What was posted is not given back by a void that comes late."""
        await fund("alice", usd("1"))
        charge = await _hold(ledger, "0.4", "alice")
        await ledger.post(charge.id, usd("0.4"), "reply")
        receipt = await ledger.void(charge.id, "client_gone")
        assert (receipt.state, receipt.amount) == ("posted", usd("0.4"))
        assert await _left(ledger, "alice") == usd("0.6")

    async def test_money_spent_after_a_void_is_booked_beside_it(
        self, ledger: Ledger, fund: Fund
    ) -> None:
        """A late post does not change how the charge ended, nor is its money lost; once."""
        await fund("alice", usd("1"))
        charge = await _hold(ledger, "0.4", "alice")
        await ledger.void(charge.id, "expired")
        receipts = [await ledger.post(charge.id, usd("0.3"), "reply") for _ in range(2)]
        assert [receipt.state for receipt in receipts] == ["voided"] * 2
        assert await _left(ledger, "alice") == usd("0.7")

    async def test_a_void_of_an_unknown_id_is_remembered(self, ledger: Ledger, fund: Fund) -> None:
        """The reserve that it overtook holds nothing any more."""
        await fund("alice", usd("1"))
        charge = a_charge(usd("0.4"), "alice")
        assert (await ledger.void(charge.id, "client_gone")).state == "voided"
        with pytest.raises(Answered):
            await ledger.reserve(charge)
        assert await _left(ledger, "alice") == usd("1")

    async def test_an_ended_charge_is_not_held_again(self, ledger: Ledger, fund: Fund) -> None:
        """A reserve that is repeated too late does not open the books again."""
        await fund("alice", usd("1"))
        charge = await _hold(ledger, "0.4", "alice")
        await ledger.post(charge.id, usd("0.4"), "reply")
        await asyncio.gather(ledger.reserve(charge), return_exceptions=True)
        assert await _left(ledger, "alice") == usd("0.6")

    async def test_the_verbs_of_one_charge_keep_their_order(
        self, ledger: Ledger, fund: Fund
    ) -> None:
        """Nobody has to wait for the hold before ending it."""
        await fund("alice", usd("1"))
        posted, voided = a_charge(usd("0.4"), "alice"), a_charge(usd("0.5"), "alice")
        answers = await asyncio.gather(
            ledger.reserve(posted),
            ledger.reserve(voided),
            ledger.post(posted.id, usd("0.3"), "reply"),
            ledger.void(voided.id, "client_gone"),
        )
        assert [answer.id for answer in answers] == [posted.id, voided.id] * 2
        assert await _left(ledger, "alice") == usd("0.7")

    async def test_a_call_is_taken_over_though_nobody_waits(
        self, ledger: Ledger, fund: Fund
    ) -> None:
        """The verbs are plain calls; the receipt is there for whoever wants it."""
        await fund("alice", usd("1"))
        charge = a_charge(usd("0.4"), "alice")
        unread = ledger.reserve(charge)
        receipt = await ledger.post(charge.id, usd("0.3"), "reply")
        assert (receipt.state, receipt.amount) == ("posted", usd("0.3"))
        assert (await unread).id == charge.id

    async def test_cancelling_the_wait_for_a_hold_does_not_undo_it(
        self, ledger: Ledger, fund: Fund
    ) -> None:
        """Whoever was cancelled can still end what was asked for, and must."""
        await fund("alice", usd("1"))
        charge = a_charge(usd("0.4"), "alice")
        await _cancel_the_wait(ledger.reserve(charge))
        receipt = await ledger.post(charge.id, usd("0.4"), "reply")
        assert receipt.state == "posted"
        assert await _left(ledger, "alice") == usd("0.6")

    async def test_cancelling_the_wait_for_an_ending_does_not_undo_it(
        self, ledger: Ledger, fund: Fund
    ) -> None:
        """A post is never dropped."""
        await fund("alice", usd("1"))
        charge = await _hold(ledger, "0.4", "alice")
        await _cancel_the_wait(ledger.post(charge.id, usd("0.3"), "cut"))
        receipt = await ledger.void(charge.id, "client_gone")
        assert receipt == Receipt(charge.id, "posted", usd("0.3"), "cut")
        assert await _left(ledger, "alice") == usd("0.7")

    async def test_cancelling_one_waiter_does_not_harm_its_neighbours(
        self, ledger: Ledger, fund: Fund
    ) -> None:
        """Charges that share a batch do not share a fate."""
        await fund("alice", usd("1"))
        charges = [a_charge(usd("0.1"), "alice") for _ in range(10)]
        waits = [asyncio.ensure_future(ledger.reserve(charge)) for charge in charges]
        waits[0].cancel()
        answers = await asyncio.gather(*waits, return_exceptions=True)
        assert [type(answer) for answer in answers[1:]] == [Reservation] * 9

    async def test_one_of_fifty_gets_the_last_unit(self, ledger: Ledger, fund: Fund) -> None:
        """Holds at the same instant are decided one after the other."""
        await fund("alice", usd("0.25"))
        answers = await _all_at_once(ledger, [a_charge(usd("0.25"), "alice") for _ in range(50)])
        assert answers.count(Reservation) == 1
        assert answers.count(BudgetExceeded) == 49

    async def test_a_shared_parent_is_exact_under_load(self, ledger: Ledger, fund: Fund) -> None:
        """The sum over all children never passes the parent's limit, nor stays below it."""
        await fund("team", usd("1"))
        for child in range(5):
            await fund(f"child-{child}", usd("1"), parent="team")
        charges = [a_charge(usd("0.1"), f"child-{number % 5}", "team") for number in range(50)]
        answers = await _all_at_once(ledger, charges)
        assert answers.count(Reservation) == 10

    async def test_the_books_balance_after_a_storm(self, ledger: Ledger, fund: Fund) -> None:
        """Holds, posts and voids at once leave exactly what was posted."""
        await fund("alice", usd("10"))
        charges = [a_charge(usd("0.1"), "alice") for _ in range(60)]
        async with asyncio.timeout(PATIENCE_SECONDS):
            await asyncio.gather(*(_live(ledger, charge, n) for n, charge in enumerate(charges)))
        assert await _left(ledger, "alice") == usd("9.3")

    async def test_the_largest_amounts_do_not_overflow(self, ledger: Ledger, fund: Fund) -> None:
        """Sums past 2**63 are refused and not wrapped around."""
        largest = Money(LARGEST, "USD")
        await fund("alice", largest)
        charge = a_charge(largest, "alice")
        await ledger.reserve(charge)
        with pytest.raises(BudgetExceeded):
            await ledger.reserve(a_charge(largest, "alice"))
        await ledger.void(charge.id, "not_sent")
        await ledger.reserve(a_charge(largest, "alice"))


async def _hold(ledger: Ledger, amount: str, *accounts: str) -> Charge:
    """Hold an amount of US dollars and return the charge."""
    charge = a_charge(usd(amount), *accounts)
    await ledger.reserve(charge)
    return charge


async def _left(ledger: Ledger, agent: str) -> Money | None:
    """Return what the agent's own budget has left, by asking for more than anybody has."""
    with pytest.raises(BudgetExceeded) as caught:
        await ledger.reserve(a_charge(Money(LARGEST, "USD"), agent))
    return caught.value.available


async def _cancel_the_wait(receipt: Awaitable[object]) -> None:
    """Cancel somebody who waits for a receipt."""

    async def wait() -> None:
        await receipt

    waiter = asyncio.ensure_future(wait())
    await asyncio.sleep(0)
    waiter.cancel()
    await asyncio.gather(waiter, return_exceptions=True)


async def _all_at_once(ledger: Ledger, charges: list[Charge]) -> list[type]:
    """Reserve all of them at once; return the types of the answers."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        answers = await asyncio.gather(*map(ledger.reserve, charges), return_exceptions=True)
    return [type(answer) for answer in answers]


async def _live(ledger: Ledger, charge: Charge, number: int) -> None:
    """Lead one charge to its end: of six, two are posted in part and four voided."""
    await ledger.reserve(charge)
    match number % 6:
        case 0:
            await ledger.post(charge.id, usd("0.05"), "reply")
        case 1:
            await ledger.post(charge.id, usd("0.02"), "cut")
        case _:
            await ledger.void(charge.id, "not_sent")
