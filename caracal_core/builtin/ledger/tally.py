"""What the ledger counts, for the operator."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Literal

from caracal_core.builtin.ledger.amounts import Amounts, Kind
from caracal_core.builtin.ledger.expiry import Resolved
from caracal_core.builtin.ledger.settling import End, Settlement
from caracal_core.domain import Money
from caracal_core.errors import Failure
from caracal_core.ports import Metrics

_EXPIRED: Mapping[Literal["posted", "voided"], Kind] = MappingProxyType(
    {"posted": "expired_posted", "voided": "expired_voided"}
)
_NAMED = 10
"""How many of a batch are named in the log."""


class Tally:
    """Counts endings and refusals; says aloud what an operator has to know.

    What moves with every charge is summed up, and published once for each batch.

    Args:
        metrics: where the counters are published.
        log: where the alarms go.
    """

    def __init__(self, metrics: Metrics, log: logging.Logger) -> None:
        counter = metrics.counter
        self._log = log
        self._amounts = Amounts(metrics)
        self._works = True
        self._posts = self._voids = 0
        self._held: dict[str, int] = defaultdict(int)
        self._posted: dict[str, int] = defaultdict(int)
        self._voided: dict[str, int] = defaultdict(int)
        self._ended = {
            "posted": counter("posted", "Holds that were posted."),
            "voided": counter("voided", "Holds that were voided."),
        }
        self._expired = {
            state: counter("expired", "Holds that nobody renewed, by their end.", state=state)
            for state in ("posted", "voided")
        }
        self._refused = counter("refused", "Holds that did not fit a budget.")
        self._turned_away = counter("turned_away", "Holds not tried: too much was in hand.")
        self._failed = counter("failed", "Tries that the store failed.")
        self._put_off = counter("put_off", "Tries put off: another session kept a row locked.")
        self._overrun = counter("overrun", "Posts above their hold.")
        self._unmetered = counter(
            "unmetered", "Posts of the hold because the reply did not say what it cost."
        )
        self._adjusted = counter("adjusted", "Posts after their hold had ended, booked beside it.")
        self._unknown = counter("unknown", "Posts of charges of which no hold is known.")

    def held(self, amount: Money) -> None:
        """Count a hold, from the next `publish` on."""
        self._held[amount.currency] += amount.micro

    def refused(self, amount: Money) -> None:
        """Count a hold that did not fit."""
        self._refused.add()
        self._amounts.add("refused", amount.currency, amount.micro)

    def turned_away(self) -> None:
        """Count a hold that was not even tried."""
        self._turned_away.add()

    def failed(self, error: Exception) -> None:
        """Count a try that the store failed; the first one in a row is logged."""
        self._failed.add()
        if self._works:
            self._log.error("the books cannot be written, trying again: %s", _said(error))
        self._works = False

    def put_off(self) -> None:
        """Count a try of which nothing was done; the store works for others."""
        self._put_off.add()

    def worked(self) -> None:
        """Note that the store works."""
        if not self._works:
            self._log.info("the books can be written again")
        self._works = True

    def settled(self, end: End, settlement: Settlement, held: Money | None = None) -> None:
        """Count what an end did, from the next `publish` on; nothing where it was a repetition.

        Args:
            end: what was wanted.
            settlement: what it did.
            held: what this process held for it; None where that is not known.
        """
        match settlement.news:
            case "ended" if settlement.receipt.state == "posted":
                posted = settlement.receipt.amount
                self._posts += 1
                self._posted[posted.currency] += posted.micro
                self._check_against_hold(end, settlement, held)
            case "ended":
                self._voids += 1
                if held is not None:
                    self._voided[held.currency] += held.micro
            case "adjusted":
                self._adjusted.add()
                self._log.warning("charge %s cost %s after its end", end.id, end.amount)
            case "unknown" if end.amount is not None:
                self._unknown.add()
                self._log.error("charge %s cost %s, and no hold is known", end.id, end.amount)

    def publish(self) -> None:
        """Publish what was summed up since the last time."""
        posts, voids, self._posts, self._voids = self._posts, self._voids, 0, 0
        self._ended["posted"].add(posts)
        self._ended["voided"].add(voids)
        sums: Sequence[tuple[Kind, dict[str, int]]] = (
            ("held", self._held), ("posted", self._posted), ("voided", self._voided),
        )  # fmt: skip
        for kind, moved in sums:
            while moved:
                currency, micro = moved.popitem()
                self._amounts.add(kind, currency, micro)

    def resolved(self, holds: Sequence[Resolved]) -> None:
        """Count holds that nobody renewed, and log some of them."""
        for hold in holds:
            self._expired[hold.state].add()
            self._amounts.add(_EXPIRED[hold.state], hold.held.currency, hold.held.micro)
        ids = ", ".join(hold.id for hold in holds[:_NAMED])
        self._log.warning("%d holds that nobody renewed were ended, such as %s", len(holds), ids)

    def _check_against_hold(self, end: End, settlement: Settlement, held: Money | None) -> None:
        posted = settlement.receipt.amount
        if held is not None and posted.micro > held.micro:
            self._amounts.add("overrun", held.currency, posted.micro - held.micro)
        if settlement.overrun:
            self._overrun.add()
            self._log.warning("charge %s cost %s, more than was held", end.id, end.amount)
        if end.basis == "unmetered":
            self._unmetered.add()
        if end.amount is not None and end.amount.currency != posted.currency:
            self._log.error("charge %s cost %s; posted its hold of %s", end.id, end.amount, posted)


def _said(error: Exception) -> str:
    """Return what may be logged: a message of the house's own, else only the kind."""
    return str(error) if isinstance(error, Failure) else type(error).__name__
