"""The ledger's models read and follow what the ledger wrote."""

from __future__ import annotations

from tortoise.context import TortoiseContext

from caracal_core.builtin.ledger.budgets import set_budget
from caracal_core.builtin.ledger.settling import End
from caracal_core.builtin.ledger.writing import reserve, settle
from caracal_core.storage import accounts
from caracal_core.storage.database import open_database
from caracal_core.storage.ledger_models import Budget, BudgetWindow, Entry, Reservation
from caracal_core.storage.migrate import _tortoise
from caracal_core.storage.migrations import CORE
from caracal_core.testing.fakes import a_charge, usd


async def test_models_read_what_the_ledger_wrote(storage_config):
    """Relations, JSON and amounts arrive as they were written, from both databases."""
    charge = a_charge(usd("0.25"), "alice")
    async with open_database(storage_config) as database:
        await accounts.register(database, "alice")
        await set_budget(database, "alice", usd("1"), "day")
        await reserve(database, charge, "owner")
        await settle(database, End(charge.id, "reply", usd("0.2")))
    async with TortoiseContext() as context:
        await context.init(config=_tortoise(storage_config, (CORE,)))
        budget = await Budget.get().prefetch_related("account", "windows")
        (window,) = budget.windows
        reservation = await Reservation.get(id=charge.id)
        entry = await Entry.get(charge=charge.id)
        assert await BudgetWindow.all().count() == 1
    assert (budget.account.name, budget.period, budget.limit_micro) == ("alice", "day", 1_000_000)
    assert (window.spent_micro, window.held_micro, window.excess_micro) == (200_000, 0, 0)
    assert (reservation.state, reservation.windows) == ("posted", [window.id])
    assert (entry.kind, entry.held_micro, entry.amount_micro) == ("posted", 250_000, 200_000)
