"""What certainly holds nothing is remembered up to a bound, and its void with it."""

from __future__ import annotations

from caracal_core.builtin.ledger.unheld import Unheld


def test_a_void_of_a_remembered_charge_is_remembered_too():
    unheld = Unheld(2)
    unheld.add("a")
    assert unheld.void("a")
    assert not unheld.asked_again("a")
    assert unheld.void("a")


def test_a_charge_that_is_not_remembered_is_not_voided_here():
    unheld = Unheld(2)
    assert not unheld.void("a")
    assert unheld.asked_again("a")


def test_a_charge_that_may_hold_something_is_forgotten():
    unheld = Unheld(2)
    unheld.add("a")
    assert unheld.asked_again("a")
    assert unheld.asked_again("a")
    assert not unheld.void("a")


def test_a_charge_that_ends_otherwise_is_forgotten():
    unheld = Unheld(2)
    unheld.add("a")
    unheld.discard("a")
    unheld.discard("a")
    assert not unheld.void("a")


def test_the_oldest_is_forgotten_first():
    unheld = Unheld(2)
    for charge in ("a", "b", "c"):
        unheld.add(charge)
    assert [unheld.void(charge) for charge in ("a", "b", "c")] == [False, True, True]
