"""What an ending costs: by the route's rule, and by what the reply said of its cost."""

from __future__ import annotations

import logging

from msgspec import Struct

from caracal_core.domain import Basis, Cause, Money, Quote, Reply, Route
from caracal_core.ports import Counter
from caracal_core.stages.metering import Metered, Metering

FIRST_ERROR_STATUS = 400

_log = logging.getLogger("caracal.charging")


class Cost(Struct, frozen=True):
    """What an ending costs.

    Attributes:
        amount: what is posted; zero where it is voided.
        basis: how that came about; empty where it is voided.
    """

    amount: Money
    basis: Basis


class Bill:
    """One call's bill: what was quoted, and what the upstream and the meter say it did cost.

    Args:
        quote: the tariff's.
        route: the call's.
        held: what is held for it; None is what was quoted.

    Attributes:
        metered: the reply's body under its meter, once there is one.
    """

    __slots__ = ("_held", "_quote", "_route", "_stated", "_status", "metered")

    def __init__(self, quote: Quote, route: Route, held: Money | None = None) -> None:
        self._quote = quote
        self._held = quote.amount if held is None else held
        self._route = route
        self._status = 0
        self._stated: Cost | None = None
        self.metered: Metered | None = None

    def answered(self, reply: Reply, misstated: Counter) -> None:
        """Take note of the upstream's own word, before anybody changes the reply.

        That is its status, and the cost that a trusted one states.

        What is no amount in the tariff's currency is logged and counted; the hold is posted then,
        marked as unmetered.
        """
        self._status = reply.status
        if reply.actual_cost is None:
            return
        try:
            stated = Money.parse(reply.actual_cost, self._held.currency)
        except ValueError:
            misstated.add()
            _log.error(
                "upstream %s states a cost that is no amount, on route %s; the hold is due",
                self._route.terms.upstream,
                self._route.id,
            )
            self._stated = Cost(self._held, "unmetered")
        else:
            self._stated = Cost(stated, "stated")

    def deliver(self, reply: Reply, metering: Metering) -> None:
        """Take note of the reply that goes to the client."""
        self._status = reply.status
        cut_at = self._held if self._is_cut_at_hold else None
        self.metered = metering.recognise(reply, self._route, self._quote, cut_at=cut_at)

    def settles_by(self, ending: Cause) -> Cause:
        """Return the cause that rules: an error's status, where errors are void, however it ended.

        Who hears of the error is not charged for not listening to the end.
        """
        rules = ending == "reply" or self._is_void_error
        return "error_status" if self._is_error and rules else ending

    @property
    def _is_error(self) -> bool:
        """Whether the reply says that the call failed."""
        return self._status >= FIRST_ERROR_STATUS

    @property
    def _is_void_error(self) -> bool:
        return self._is_error and self._route.terms.settle.error_status == "void"

    @property
    def overran(self) -> bool:
        """Whether the reply was ended where its cost reached the hold."""
        return self.metered is not None and self.metered.overran

    @property
    def foreseen(self) -> Money | None:
        """What a clean end of the reply costs, where that is known before its body."""
        if self.metered is not None and self._stated is None and not self._is_void("reply"):
            return None
        return self.of("reply").amount

    @property
    def expects_usage(self) -> bool:
        """Whether the call has to go on to learn its cost, though its client is gone."""
        return self._quote.metered and not self._is_void("client_gone")

    @property
    def waits_for_usage(self) -> bool:
        """Whether the reply, which has begun, has to be read on for that."""
        return (
            self.metered is not None
            and self.metered.reads
            and self._stated is None
            and self.expects_usage
        )

    def of(self, cause: Cause) -> Cost:
        """Say what an ending of this cause costs."""
        held = self._held
        if self._is_void(cause) and not self.overran:
            return Cost(Money(0, held.currency), "")
        if self._stated is not None:
            return self._stated
        if self.metered is not None:
            return self._by_meter(self.metered)
        return Cost(held, "unmetered") if self._quote.metered else Cost(self._quote.amount, "held")

    def _by_meter(self, metered: Metered) -> Cost:
        """Say what was read; where that is not all, it costs no less than the hold."""
        if not self.overran and (usage := metered.usage()) is not None:
            return Cost(usage, "metered")
        known = metered.known()
        if known is not None and known.micro > self._held.micro:
            return Cost(known, "metered")
        return Cost(self._held, "metered" if self.overran else "unmetered")

    @property
    def _is_cut_at_hold(self) -> bool:
        """Whether the reply is to end at its hold: not where what it costs is known already."""
        is_known = self._is_void_error or (
            self._stated is not None and self._stated.basis == "stated"
        )
        return self._route.terms.on_overrun == "cut" and not is_known

    def _is_void(self, cause: Cause) -> bool:
        if cause == "not_sent" or self._is_void_error:
            return True
        return cause != "reply" and getattr(self._route.terms.settle, cause) == "void"
