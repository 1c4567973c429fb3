"""A charge, its reservation and its receipt are values that never change."""

from typing import get_args

from caracal_core.domain import Cause, Charge, Money, Receipt, Reservation, Settle

MONEY = Money(1, "USD")


def test_a_charge_never_changes(frozen):
    frozen(Charge("id", "alice", ("alice",), MONEY, "route", "request", 300.0, "post"))


def test_a_reservation_never_changes(frozen):
    frozen(Reservation("id", MONEY, 0.0))


def test_a_receipt_never_changes(frozen):
    frozen(Receipt("id", "posted", MONEY, "reply"))


def test_every_ending_that_a_route_can_rule_has_a_cause():
    """The rule of a hold's ending is looked up by its cause."""
    assert set(Settle.__struct_fields__) <= set(get_args(Cause))
