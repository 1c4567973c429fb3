"""What a reply did cost, read while it streams; a meter that breaks spoils nothing."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, AsyncIterator, Sequence

from caracal_core.domain import Money, Quote, Reply, Route
from caracal_core.ports import Meter, Reading

_log = logging.getLogger("caracal.metering")


class Metering:
    """Asks the meters in order; the first that recognises a reply reads it."""

    def __init__(self, meters: Sequence[Meter]) -> None:
        self._meters = tuple(meters)

    def recognise(self, reply: Reply, route: Route, quote: Quote) -> Metered | None:
        """Return the reading of the first meter that knows such replies, or None."""
        for meter in self._meters:
            try:
                reading = meter.recognise(reply, route, quote)
                is_reading = isinstance(reading, Reading)  # until Python 3.11 this asks `complete`
            except BaseException as error:  # noqa: BLE001 - also SystemExit; the reply is here
                _tell(meter, error)
                continue
            if reading is not None and is_reading:
                return Metered(reading)
        return None


class Metered:
    """A reply under a meter. Once its meter breaks, it has read nothing."""

    __slots__ = ("_reading",)

    def __init__(self, reading: Reading) -> None:
        self._reading: Reading | None = reading

    def cost(self, currency: str) -> Money | None:
        """Return what the meter read, or None where it read nothing in this currency."""
        if self._reading is None:
            return None
        try:
            cost = self._reading.cost()
        except BaseException as error:  # noqa: BLE001 - as above
            _tell(self._reading, error)
            return None
        return cost if isinstance(cost, Money) and cost.currency == currency else None

    async def stream(self, body: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """Stream the body past the meter; whoever stops early stops the body too."""
        try:
            async for data in body:
                if given := self._feed(data):
                    yield given
        finally:
            if isinstance(body, AsyncGenerator):
                await body.aclose()

    def _feed(self, data: bytes) -> bytes:
        """Return what the client gets; a meter that breaks, or answers junk, reads no more."""
        if self._reading is None:
            return data
        try:
            given: object = self._reading.feed(data)
        except BaseException as error:  # noqa: BLE001 - as above
            _tell(self._reading, error)
        else:
            if isinstance(given, bytes):
                return given
            _log.error("meter %s gave a %s", type(self._reading).__name__, type(given).__name__)
        self._reading = None
        return data


def _tell(meter: object, error: BaseException) -> None:
    """Log that a meter broke; its message stays out, since it may hold a secret."""
    _log.error("meter %s raised %s", type(meter).__name__, type(error).__name__)
