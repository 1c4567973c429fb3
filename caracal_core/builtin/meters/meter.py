"""Reads what a reply did cost, by the price that its request was quoted by."""

from __future__ import annotations

from math import ceil

from caracal_core.builtin.meters.document import Document
from caracal_core.builtin.meters.streamed_usage import StreamedUsage
from caracal_core.builtin.tariffs.price import Counted, Tokens, UnitPrice
from caracal_core.builtin.tariffs.priced import Priced
from caracal_core.domain import Money, Quote, Reply, Route
from caracal_core.domain.money import LARGEST
from caracal_core.ports import Clock, Reading

_DIGITS_MAX = len(str(LARGEST))


class BookMeter:
    """Implements `Meter` for every tariff of the price book.

    Args:
        clock: counts the seconds.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def recognise(self, reply: Reply, route: Route, quote: Quote) -> Reading | None:
        """Return a reading where the price book expected one, and the reply can be read."""
        priced = quote.memo
        if not (quote.metered and isinstance(priced, Priced)):
            return None
        body: Document | StreamedUsage | None = None
        if priced.price.reads_the_body:
            body = _body(reply, priced)
            if body is None:
                return None
        return BookReading(priced, reply, body, self._clock)


class BookReading:
    """One reply's meter.

    Args:
        priced: what was quoted.
        reply: the reply's head.
        body: reads the body, where the body says what it did cost.
        clock: counts the seconds.
    """

    __slots__ = ("_body", "_bytes", "_clock", "_length", "_priced", "_units")

    def __init__(
        self, priced: Priced, reply: Reply, body: Document | StreamedUsage | None, clock: Clock
    ) -> None:
        self._priced = priced
        self._length = reply.length
        self._body = body
        self._clock = clock
        self._bytes = 0
        self._units = _in_header(reply, priced.price.unit)

    @property
    def complete(self) -> bool:
        """Whether the usage was read, and nothing else that is counted is still to come."""
        price, sent = self._priced.price, self._priced.body
        if price.per_request_byte:
            is_sent = sent.whole if sent.length is None else sent.count == sent.length
            if not is_sent:
                return False
        if self._bytes != self._length:
            counts_on = price.per_reply_byte or price.per_second
            if counts_on or not (self._body is None or self._body.complete):
                return False
        return self.cost() is not None

    def feed(self, data: bytes) -> bytes:
        """Count and read the next bytes; return what the client gets of them."""
        self._bytes += len(data)
        if isinstance(self._body, StreamedUsage):
            return self._body.feed(data)
        if self._body is not None:
            self._body.feed(data)
        return data

    def cost(self) -> Money | None:
        """Return what is known so far, or None where something that is priced is not."""
        tokens, units = self._tokens(), self._counted_units()
        if tokens is None or units is None:
            return None
        return self._price(tokens, units, self._bytes)

    def known(self, delivered: int) -> Money | None:
        """Return what was said and counted so far; what is not known of it yet is nothing."""
        tokens, units = None, self._units
        if self._body is not None and self._priced.model is not None:
            tokens = self._body.said()
        if units is None and self._body is not None and self._body.complete:
            units = self._counted_units()
        return self._price(tokens or Tokens(), units or 0, delivered)

    def _price(self, tokens: Tokens, units: int, reply_bytes: int) -> Money | None:
        counted = Counted(
            request_bytes=self._priced.body.count,
            reply_bytes=reply_bytes,
            seconds=ceil(self._clock.monotonic() - self._priced.began_at),
            units=units,
            tokens=tokens,
        )
        try:
            return self._priced.price.cost(counted, self._priced.model)
        except ValueError:
            return None

    def _tokens(self) -> Tokens | None:
        if self._priced.model is None:
            return Tokens()
        return None if self._body is None else self._body.tokens()

    def _counted_units(self) -> int | None:
        unit = self._priced.price.unit
        if unit is None:
            return 0
        if unit.header is not None:
            return self._units
        return self._body.number(unit.pointer) if isinstance(self._body, Document) else None


def _body(reply: Reply, priced: Priced) -> Document | StreamedUsage | None:
    """Return what reads a body of this kind, or None."""
    if any(value.lower() != "identity" for value in reply.headers.all("content-encoding")):
        return None
    kind = (reply.headers.get("content-type") or "").partition(";")[0].strip().lower()
    if kind == "text/event-stream" and priced.price.models:
        return StreamedUsage(keeps_usage=priced.keeps_usage)
    if kind == "application/json" or kind.endswith("+json"):
        return Document(reply.length)
    return None


def _in_header(reply: Reply, unit: UnitPrice | None) -> int | None:
    """Return the units that the reply's head says: one whole number, in one field."""
    if unit is None or unit.header is None:
        return None
    said = reply.headers.all(unit.header)
    if len(said) != 1 or not (said[0].isascii() and said[0].isdigit()):
        return None
    if len(said[0]) > _DIGITS_MAX or int(said[0]) > LARGEST:
        return None
    return int(said[0])
