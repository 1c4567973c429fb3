"""The money a call may cost is held before it, and ends posted or voided, exactly once."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from time import monotonic
from types import NoneType, TracebackType
from typing import Self

import msgspec

from caracal_core.domain import (
    Basis,
    Body,
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
from caracal_core.errors import (
    BadRequest,
    PayloadTooLarge,
    Refusal,
    RequestTimeout,
    UpstreamTimeout,
)
from caracal_core.ports import Counter, Deliver, Ledger
from caracal_core.stages.bill import Bill
from caracal_core.stages.charge_id import charge_id
from caracal_core.stages.deadline import Due
from caracal_core.stages.draining import Draining
from caracal_core.stages.estimate import to_hold
from caracal_core.stages.idempotency import Keyed, read_key
from caracal_core.stages.metering import Metering
from caracal_core.stages.part import Part

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
        draining: sees calls through whose clients are gone.
        misstated: counts costs that a trusted upstream stated and that are none.
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
        draining: Draining,
        misstated: Counter,
        expire_seconds: float,
        longest_seconds: float,
    ) -> None:
        self._tariff = tariff
        self.reserve = reserve
        self.post = post
        self.ledger = ledger
        self._expire_seconds = expire_seconds
        self.metering = metering
        self.draining = draining
        self.misstated = misstated
        self.longest_seconds = longest_seconds

    async def quote(
        self, request: Request, route: Route, principal: Principal, due: Due
    ) -> Quote | None:
        """Return the most the request may cost, or None on a free route.

        Where the tariff gives the upstream another body, the client's is read to its end, for
        nobody would otherwise.

        Raises:
            BadRequest: it cannot be priced.
            Answered: as reading a `Body` does.
        """
        if route.terms.tariff is None:
            return None
        quote = await self._tariff(due, request, route, principal)
        if quote.body is not None:
            async for _ in request.body:
                pass
        return quote

    async def key(self, request: Request, route: Route) -> Keyed | None:
        """Return what the client wants charged once, or None; a free route heeds no key.

        Raises:
            BadRequest: it is no key, or its body is too long for one.
        """
        return None if route.terms.tariff is None else await read_key(request, route)

    def hold(
        self,
        request: Request,
        route: Route,
        principal: Principal,
        quote: Quote | None,
        key: Keyed | None,
        due: Due,
    ) -> Hold:
        """Return the hold, not yet asked for; on a free route it holds nothing.

        Raises:
            BadRequest: the client's own estimate is no amount.
        """
        if quote is None:
            return Hold(self, None, None, due)
        held = to_hold(quote, request, route)
        charge = Charge(
            id=charge_id(),
            agent=principal.id,
            accounts=principal.accounts,
            amount=held,
            route=route.id,
            request=request.id,
            expire_seconds=self._expire_seconds,
            orphan=route.terms.settle.orphan,
            price=quote.price,
            key=key.key if key else None,
            fingerprint=key.fingerprint if key else None,
        )
        return Hold(self, charge, Bill(quote, route, held), due)


class Hold:
    """A reservation in the corridor's hands: leaving it always settles it.

    Attributes:
        charge: what is held; None on a free route. Its id is this attempt's, and the only one
            that the hold ever ends.
        reservation: the ledger's own word, once it gave it.
        posted: what the hold cost; None until it ended.
        basis: how that came about; None until then.
        cause: why it ended; None until then.
    """

    __slots__ = (
        "_answered",
        "_asked",
        "_began",
        "_bill",
        "_charging",
        "_delivering",
        "_due",
        "_sent",
        "basis",
        "cause",
        "charge",
        "posted",
        "reservation",
    )

    def __init__(
        self, charging: Charging, charge: Charge | None, bill: Bill | None, due: Due
    ) -> None:
        self._charging = charging
        self._bill = bill
        self._due = due
        self._asked = self._sent = self._answered = self._delivering = False
        self.charge = charge
        self.reservation: Reservation | None = None
        self.posted: Money | None = None
        self.basis: Basis | None = None
        self.cause: Cause | None = None

    @property
    def public_id(self) -> str | None:
        """The charge's name to everybody else: that of the first attempt with the same key."""
        if self.reservation is not None:
            return self.reservation.id
        return self.charge.id if self.charge is not None else None

    async def see_through(self, call: Callable[[], Awaitable[None]], body: Body) -> None:
        """Lead the call that the hold is for; a metered one goes on without its client.

        It does so once the request is at the upstream, and as far as its usage is to be learnt.

        Args:
            call: from here to the reply's end.
            body: the request's.

        Raises:
            CancelledError: the client is gone, or the gateway ends.
            Answered: as the call does.
        """
        if self.charge is None or self._bill is None or not self._bill.expects_usage:
            await call()
            return

        def waits() -> bool:
            return self._sent and not self._delivering and body.whole

        await self._charging.draining.see_through(call, self.charge.agent, waits, self._due)

    def __enter__(self) -> Self:
        return self

    async def reserve(self) -> None:
        """Ask the ledger; from here on leaving the hold ends the reservation.

        Raises:
            BudgetExceeded: it does not fit.
            IdempotencyConflict: its key stands for a request that is not to be done again.
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
            self._write(Money(0, self.charge.amount.currency), "", "not_sent")
            raise

    def sent(self) -> None:
        """Note that the first byte is leaving for the upstream: from now on it may cost."""
        self._sent = True

    def answered(self, reply: Reply) -> None:
        """Note that the upstream did its work: from now on a fault is not its own."""
        self._answered = True
        if self._bill is not None:
            self._bill.answered(reply, self._charging.misstated)

    async def deliver(self, reply: Reply, deliver: Deliver) -> None:
        """Hand the reply to the edge, for as long as the hold may be renewed.

        A reply whose client is gone is read on where a meter waits for its usage.

        Raises:
            Failure: the hold became too old, or the reply reached it; the reply is cut.
        """
        if self._bill is None:
            await deliver(reply, self.settle)
            return
        bill = self._bill
        bill.deliver(reply, self._charging.metering)
        try:
            await self._deliver_in_time(reply, bill, deliver)
        except asyncio.CancelledError:
            await self._learn_usage(bill)
            raise
        finally:
            if bill.metered is not None and self._due.runs:
                await bill.metered.close()

    async def _deliver_in_time(self, reply: Reply, bill: Bill, deliver: Deliver) -> None:
        if self._due.left is not None:
            raise asyncio.CancelledError  # nobody is there to deliver it to
        self._delivering = True
        seconds = max(self._charging.longest_seconds - (monotonic() - self._began), 0.0)
        delivery = Part("hold", deliver, (NoneType,), seconds)
        await delivery(self._due, self._worded(reply, bill), self.settle)

    async def _learn_usage(self, bill: Bill) -> None:
        charge, metered, draining = self.charge, bill.metered, self._charging.draining
        if self.cause is not None or self._due.dismissed or not bill.waits_for_usage:
            return
        if charge and metered and draining.go_on(charge.agent, self._due):
            await draining.read(metered, self._due)

    def _worded(self, reply: Reply, bill: Bill) -> Reply:
        """Return the reply with the charge named in its head, and under its meter."""
        headers = reply.headers.plus(("x-caracal-charge-id", self.public_id or ""))
        cost = bill.foreseen
        if cost is not None:
            headers = headers.plus(("x-caracal-cost", cost.decimal))
        if bill.metered is None:
            return msgspec.structs.replace(reply, headers=headers)
        # A meter may keep some bytes back, so that the declared length is not promised on.
        return msgspec.structs.replace(reply, headers=headers, body=bill.metered, length=None)

    async def settle(self) -> None:
        """Post what the reply did cost, and wait until that is durable.

        Raises:
            Failure: it did not become durable in time. The ledger goes on trying.
        """
        if self._bill is None or self.charge is None or self.cause is not None:
            return
        posted, basis, cause = self._conclude(self._bill, "reply")
        if basis:
            await self._charging.post(self._due, self.charge.id, posted, cause, basis)
        else:
            self._write(posted, basis, cause)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._asked and self._bill is not None and self.cause is None:
            try:
                ending = self._conclude(self._bill, self._ending(error))
            except Exception as broken:  # noqa: BLE001 - a hold that did not end would be renewed
                _log.error("a charge's cost cannot be said: %s", type(broken).__name__)
                ending = self._kept()
            self._write(*ending)

    def _ending(self, error: BaseException | None) -> Cause:
        """Name the cause from what the hold was told and from the exception that passes."""
        if not self._sent:
            return "not_sent"
        if error is None:
            return "reply"
        if self._due.cut_short(error) or (self._bill is not None and self._bill.overran):
            return "cut"
        if isinstance(error, _CLIENT_GONE):
            return "client_gone"
        if self._answered:
            return "cut"
        return "upstream_timeout" if isinstance(error, UpstreamTimeout) else "upstream_failed"

    def _conclude(self, bill: Bill, cause: Cause) -> tuple[Money, Basis, Cause]:
        """Fix the cost and the cause; the first conclusion stands."""
        cost = bill.of(cause)
        self.posted, self.basis = cost.amount, cost.basis
        self.cause = bill.settles_by(cause)
        return cost.amount, cost.basis, self.cause

    def _kept(self) -> tuple[Money, Basis, Cause]:
        """End it at what is held, for nobody knows better; before the first byte nothing is due."""
        assert self.charge is not None  # noqa: S101 - a free route has no endings
        held = self.charge.amount
        if self._sent:
            self.posted, self.basis, self.cause = held, "unmetered", "cut"
        else:
            self.posted, self.basis, self.cause = Money(0, held.currency), "", "not_sent"
        return self.posted, self.basis, self.cause

    def _write(self, posted: Money, basis: Basis, cause: Cause) -> None:
        """Hand the ending to the ledger, which sees to it; nobody waits here."""
        assert self.charge is not None  # noqa: S101 - a free route has no endings
        ledger, charge = self._charging.ledger, self.charge
        try:
            if basis:
                _follow(ledger.post(charge.id, posted, cause, basis))
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
