"""Amounts are counted for each currency, of which few have a label of their own."""

from __future__ import annotations

from caracal_core.builtin.ledger.amounts import CURRENCIES_MAX, Amounts
from caracal_core.domain import Money
from caracal_core.testing.fakes import FakeMetrics, usd


def test_each_kind_and_currency_is_counted_by_itself():
    metrics = FakeMetrics()
    amounts = Amounts(metrics)
    for kind, amount in (
        ("held", usd("1.5")),
        ("held", usd("0.25")),
        ("posted", usd("1")),
        ("held", Money.parse("3", "EUR")),
    ):
        amounts.add(kind, amount.currency, amount.micro)
    assert metrics.counted("held_amount", currency="USD") == 1.75
    assert metrics.counted("posted_amount", currency="USD") == 1
    assert metrics.counted("held_amount", currency="EUR") == 3


def test_labels_are_bounded():
    """Currencies come from the configuration, but nobody has to trust that."""
    metrics = FakeMetrics()
    amounts = Amounts(metrics)
    for number in range(CURRENCIES_MAX + 5):
        amounts.add("held", f"AA{chr(65 + number)}", 1_000_000)
    last = f"AA{chr(65 + CURRENCIES_MAX - 1)}"
    assert metrics.counted("held_amount", currency=last) == 1
    assert metrics.counted("held_amount", currency="other") == 5
    amounts.add("posted", last, 1_000_000)
    amounts.add("posted", "ZZZ", 1_000_000)
    assert metrics.counted("posted_amount", currency=last) == 1
    assert metrics.counted("posted_amount", currency="other") == 1
