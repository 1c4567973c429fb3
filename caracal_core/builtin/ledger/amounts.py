"""How much money was held, posted, given back and refused, counted for each currency."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

from caracal_core.domain.money import MICRO
from caracal_core.ports import Counter, Metrics

Kind = Literal["held", "posted", "voided", "overrun", "refused", "expired_posted", "expired_voided"]

CURRENCIES_MAX = 16
"""How many currencies have a label of their own."""
OTHERS = "other"

_HELP: Mapping[Kind, str] = MappingProxyType(
    {
        "held": "What was held, in units of the currency.",
        "posted": "What holds did cost by their first end, in units of the currency.",
        "voided": "What was held for nothing and given back, in units of the currency.",
        "overrun": "By how much posts exceeded their holds, in units of the currency.",
        "refused": "What did not fit a budget, in units of the currency.",
        "expired_posted": "What nobody renewed and was posted, in units of the currency.",
        "expired_voided": "What nobody renewed and was voided, in units of the currency.",
    }
)


class Amounts:
    """Counts amounts, as floats: for graphs and alarms. The ledger has them exactly.

    Args:
        metrics: where the counters are published.
    """

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._labels: dict[str, str] = {}
        self._counters: dict[tuple[Kind, str], Counter] = {}

    def add(self, kind: Kind, currency: str, micro: int) -> None:
        """Count an amount, or the sum of many, which may be more than any money can be."""
        counter = self._counters.get((kind, currency))
        if counter is None:
            counter = self._made(kind, currency)
        counter.add(micro / MICRO)

    def _made(self, kind: Kind, currency: str) -> Counter:
        label = currency if currency in self._labels else OTHERS
        if label == OTHERS and len(self._labels) < CURRENCIES_MAX:
            label = self._labels[currency] = currency
        counter = self._metrics.counter(f"{kind}_amount", _HELP[kind], currency=label)
        if label == currency:  # of others, whatever they are called, none is remembered
            self._counters[kind, currency] = counter
        return counter
