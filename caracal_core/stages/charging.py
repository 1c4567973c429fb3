"""The money a call may cost is held before it, and ends posted or voided, exactly once."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable
from secrets import token_hex
from time import monotonic
from types import NoneType, TracebackType
from typing import Self

import msgspec

from caracal_core.domain import (
    Cause,
    Charge,
    Money,
    Principal,
    Quote,
    Receipt,
    Reply,
    Request,
    Reservation,
    Route,
)
from caracal_core.errors import BadRequest, PayloadTooLarge, Refusal, RequestTimeout
from caracal_core.ports import Deliver, Ledger
from caracal_core.stages.deadline import Due
from caracal_core.stages.metering import Metered, Metering
from caracal_core.stages.part import Part

FIRST_ERROR_STATUS = 400

_CLIENT_GONE = (asyncio.CancelledError, BadRequest, PayloadTooLarge, RequestTimeout)
"""What passes when the client hung up or broke off its own request."""

_log = logging.getLogger("caracal.charging")


class Charging:
    """Quotes and holds.

    Args:
        tariff: the tariff's quote.
        reserve: the ledger's reserve.
        post: the ledger's post, for the wait before the reply's last byte.
        ledger: the ledger itself, for endings that nobody waits for.
        metering: reads what replies did cost.
        expire_seconds: how long a hold lasts that nobody renews.
        longest_seconds: how old a hold may become; then its reply is cut.
    """

    def __init__(
        self,
        tariff: Part[Quote],
        reserve: Part[Reservation],
        post: Part[Receipt],
        ledger: Ledger,
        metering: Metering,
        expire_seconds: float,
        longest_seconds: float,
    ) -> None:
        self._tariff = tariff
        self.reserve = reserve
        self.post = post
        self.ledger = ledger
        self._expire_seconds = expire_seconds
        self.metering = metering
        self.longest_seconds = longest_seconds

    async def quote(
        self, request: Request, route: Route, principal: Principal, due: Due
    ) -> Quote | None:
        """Return the most the request may cost, or None on a free route.

        Raises:
            BadRequest: it cannot be priced, or the client's own estimate is no amount.
        """
        if route.terms.tariff is None:
            return None
        quote = await self._tariff(due, request, route, principal)
        _check_estimate(request, quote.amount.currency)
        return quote

    def hold(
        self, request: Request, route: Route, principal: Principal, quote: Quote | None, due: Due
    ) -> Hold:
        """Return the hold, not yet asked for; on a free route it holds nothing."""
        if quote is None:
            return Hold(self, None, None, route, due)
        charge = Charge(
            id=token_hex(16),
            agent=principal.id,
            accounts=principal.accounts,
            amount=quote.amount,
            route=route.id,
            request=request.id,
            expire_seconds=self._expire_seconds,
            orphan=route.terms.settle.orphan,
            price=quote.price,
        )
        return Hold(self, charge, quote, route, due)


class Hold:
    """A reservation in the corridor's hands: leaving it always settles it.

    Attributes:
        charge: what is held; None on a free route.
        reservation: the ledger's own word, once it gave it.
        posted: what the hold cost; None until it ended.
        cause: why it ended; None until then.
    """

    __slots__ = (
        "_answered",
        "_asked",
        "_began",
        "_charging",
        "_due",
        "_quote",
        "_reading",
        "_reply",
        "_route",
        "_sent",
        "cause",
        "charge",
        "posted",
        "reservation",
    )

    def __init__(
        self,
        charging: Charging,
        charge: Charge | None,
        quote: Quote | None,
        route: Route,
        due: Due,
    ) -> None:
        self._charging = charging
        self._quote = quote
        self._route = route
        self._due = due
        self._asked = self._sent = self._answered = False
        self._reply: Reply | None = None
        self._reading: Metered | None = None
        self.charge = charge
        self.reservation: Reservation | None = None
        self.posted: Money | None = None
        self.cause: Cause | None = None

    def __enter__(self) -> Self:
        return self

    async def reserve(self) -> None:
        """Ask the ledger; from here on leaving the hold ends the reservation.

        Raises:
            BudgetExceeded: it does not fit.
            Failure: the ledger cannot tell.
        """
        if self.charge is None:
            return
        self._asked = True
        self._began = monotonic()
        try:
            self.reservation = await self._charging.reserve(self._due, self.charge)
        except Refusal:
            # Not the hold's ending, for nothing is held; but a try before the one that was
            # refused may have been done, with its answer lost.
            self._asked = False
            self._write(Money(0, self.charge.amount.currency), "not_sent")
            raise

    def sent(self) -> None:
        """Note that the first byte is leaving for the upstream: from now on it may cost."""
        self._sent = True

    def answered(self) -> None:
        """Note that the upstream did its work: from now on a fault is not its own."""
        self._answered = True

    async def deliver(self, reply: Reply, deliver: Deliver) -> None:
        """Hand the reply to the edge, for as long as the hold may be renewed.

        Raises:
            Failure: the hold became too old; the reply is cut.
        """
        if self.charge is None:
            await deliver(reply, self.settle)
            return
        left = max(self._charging.longest_seconds - (monotonic() - self._began), 0.0)
        delivery = Part("hold", deliver, (NoneType,), left)
        await delivery(self._due, self._commit(reply), self.settle)

    def _commit(self, reply: Reply) -> Reply:
        """Note that a reply is here; return it with the charge named in its head, and metered."""
        assert self.charge is not None  # noqa: S101 - asked by deliver
        assert self._quote is not None  # noqa: S101 - it comes with the charge
        self._reply = reply
        self._reading = self._charging.metering.recognise(reply, self._route, self._quote)
        named = reply.headers.plus(("x-caracal-charge-id", self.charge.id))
        if self._reading is None:
            named = named.plus(("x-caracal-cost", self._cost("reply").decimal))
            return msgspec.structs.replace(reply, headers=named)
        body = self._reading.stream(reply.body)
        return msgspec.structs.replace(reply, headers=named, body=body)

    async def settle(self) -> None:
        """Post what the reply did cost, and wait until that is durable.

        Raises:
            Failure: it did not become durable in time. The ledger goes on trying.
        """
        if self.charge is not None and self.cause is None:
            posted = self._conclude("reply")
            if posted.micro:
                await self._charging.post(self._due, self.charge.id, posted, self.cause)
            else:
                self._queue(posted)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._asked and self.cause is None:
            self._queue(self._conclude(self._ending(error)))

    def _ending(self, error: BaseException | None) -> Cause:
        """Name the cause from what the hold was told and from the exception that passes."""
        if not self._sent:
            return "not_sent"
        if error is None:
            return "reply"
        if self._due.cut_short(error):
            return "cut"
        if isinstance(error, _CLIENT_GONE):
            return "client_gone"
        return "cut" if self._answered else "upstream_failed"

    def _conclude(self, cause: Cause) -> Money:
        """Fix the cause and the cost; the first conclusion stands."""
        self.posted = self._cost(cause)
        self.cause = "error_status" if cause == "reply" and self._is_error() else cause
        return self.posted

    def _cost(self, cause: Cause) -> Money:
        """Say what an ending of this cause costs."""
        assert self.charge is not None  # noqa: S101 - a free route has no endings
        held, rules = self.charge.amount, self._route.terms.settle
        if cause == "not_sent":
            rule = "void"
        elif cause == "reply":
            rule = rules.error_status if self._is_error() else "post"
        else:
            rule = getattr(rules, cause)
        if rule == "void":
            return Money(0, held.currency)
        if cause == "reply" and self._reading is not None:
            return self._reading.cost(held.currency) or held
        return held

    def _is_error(self) -> bool:
        return self._reply is not None and self._reply.status >= FIRST_ERROR_STATUS

    def _queue(self, posted: Money) -> None:
        """Hand the ending to the ledger, which sees to it; nobody waits here."""
        assert self.cause is not None  # noqa: S101 - concluded
        self._write(posted, self.cause)

    def _write(self, posted: Money, cause: Cause) -> None:
        assert self.charge is not None  # noqa: S101 - a free route has no endings
        ledger, charge = self._charging.ledger, self.charge
        try:
            if posted.micro:
                _follow(ledger.post(charge.id, posted, cause))
            else:
                _follow(ledger.void(charge.id, cause))
        except BaseException as error:  # noqa: BLE001 - the hold's row stays and is reaped by its rule
            _log.error("ending charge %s: the ledger raised %s", charge.id, type(error).__name__)


def _follow(receipt: Awaitable[Receipt]) -> None:
    """Let the work go on and look at its outcome, so that a failure is logged."""
    asyncio.ensure_future(receipt).add_done_callback(_note)


def _note(receipt: asyncio.Future[Receipt]) -> None:
    if not receipt.cancelled() and (error := receipt.exception()) is not None:
        _log.error("a charge could not be ended: %s", type(error).__name__)


def _check_estimate(request: Request, currency: str) -> None:
    """Refuse an estimate that is no amount; one that is never lowers a hold."""
    for value in request.headers.all("x-caracal-estimated-cost"):
        try:
            Money.parse(value, currency)
        except ValueError as error:
            raise BadRequest(f"X-Caracal-Estimated-Cost: {error}.") from None
