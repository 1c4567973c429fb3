"""A conflict says which charge cannot be held, and why."""

from caracal_core.builtin.ledger.errors import Conflict
from caracal_core.builtin.ledger.verdict import over, taken
from caracal_core.testing.fakes import a_charge, usd


def test_conflicts_name_the_charge():
    charge = a_charge(usd("1"), "alice")
    for conflict, why in ((over(charge, "voided"), "voided"), (taken(charge), "another")):
        assert isinstance(conflict, Conflict)
        assert charge.id in conflict.internal
        assert why in conflict.internal
