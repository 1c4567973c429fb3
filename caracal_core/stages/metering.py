"""What a reply did cost, read while it streams; a meter that breaks spoils nothing."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import suppress
from typing import Final

from caracal_core.domain import Money, Quote, Reply, Route
from caracal_core.errors import Failure
from caracal_core.ports import Meter, Reading

CLOSE_SECONDS = 1.0
"""How long a body that is not read to its end may take to clean up."""

LOOK_SECONDS = 0.25
"""How often a reply that may be cut at its hold is looked at while nothing of it comes."""

_END: Final = object()
_log = logging.getLogger("caracal.metering")


class Metering:
    """Asks the meters in order; the first that recognises a reply reads it."""

    def __init__(self, meters: Sequence[Meter]) -> None:
        self._meters = tuple(meters)

    def recognise(
        self, reply: Reply, route: Route, quote: Quote, *, cut_at: Money | None = None
    ) -> Metered | None:
        """Return the reply's body under the first meter that knows such replies, or None.

        Args:
            reply: what came.
            route: the way it came over.
            quote: what was quoted for it.
            cut_at: the cost that ends it, if one does.
        """
        for meter in self._meters:
            try:
                reading = meter.recognise(reply, route, quote)
                is_reading = isinstance(reading, Reading)  # until Python 3.11 this asks `complete`
            except BaseException as error:  # noqa: BLE001 - also SystemExit; the reply is here
                _tell(meter, error)
                continue
            if reading is not None and is_reading:
                return Metered(reading, reply.body, quote.amount.currency, cut_at)
        return None


class Metered:
    """A reply's body under a meter. Once its meter breaks, it has read nothing.

    Whoever waits for its next piece may be cancelled: the wait for the upstream goes on, and
    another reader finds what came. So it has to be closed.

    Args:
        reading: the meter's.
        body: the reply's, read once.
        currency: the hold's; a cost in another is none.
        cut_at: the cost that ends the reply, if one does.

    Attributes:
        overran: whether it ended so.
    """

    __slots__ = (
        "_body",
        "_currency",
        "_cut_at",
        "_delivered",
        "_due",
        "_ended",
        "_fed",
        "_pulling",
        "_reading",
        "overran",
    )

    def __init__(
        self, reading: Reading, body: AsyncIterator[bytes], currency: str, cut_at: Money | None
    ) -> None:
        self._reading: Reading | None = reading
        self._body = body
        self._currency = currency
        self._cut_at = cut_at
        self._pulling: asyncio.Task[object] | None = None
        self._ended = False
        self._fed = self._delivered = 0
        self._due: Money | None = None
        self.overran = False

    def __aiter__(self) -> Metered:
        return self

    async def __anext__(self) -> bytes:
        """Return what the client gets next.

        Raises:
            Failure: the cost reached what is held, and the reply is to be cut there.
            BaseException: whatever the body itself raises.
        """
        while True:
            data = await self._pull()
            given = self._feed(data)
            self._delivered = self._fed
            if given:
                return given

    async def draw(self) -> int:
        """Read the next piece for nobody but the meter, and return its length; raises as above."""
        data = await self._pull()
        self._feed(data)
        return len(data)

    @property
    def reads(self) -> bool:
        """Whether something that is still to come can tell the cost."""
        ends = self._ended or self.overran or self._is_complete()
        return self._reading is not None and not ends

    def usage(self) -> Money | None:
        """Return what the reply did cost, or None where it did not say so to its end."""
        if not (self._ended or self._is_complete()):
            return None
        return self._ask(lambda reading: reading.cost())

    def known(self) -> Money | None:
        """Return the least that it costs by now, or None where nothing is known.

        What was counted of it here is counted as far as the client got it: not the piece that a
        cut kept back, nor what was read on once the client was gone.
        """
        if self.overran:
            return self._due
        return self._ask(lambda reading: reading.known(self._delivered))

    async def close(self) -> None:
        """End the wait for the upstream, and a body that was not read to its end."""
        pulling, self._pulling = self._pulling, None
        if pulling is not None:
            pulling.cancel()
            await asyncio.wait({pulling}, timeout=CLOSE_SECONDS)
        if not self._ended and isinstance(self._body, AsyncGenerator):
            with suppress(Exception):
                async with asyncio.timeout(CLOSE_SECONDS):
                    await self._body.aclose()

    async def _pull(self) -> bytes:
        """Wait for the next piece, in a task that outlives the one that waits."""
        if self._ended:
            raise StopAsyncIteration
        if self._pulling is None:
            self._pulling = asyncio.create_task(_next(self._body), name="metered reply")
        seconds = None if self._cut_at is None else LOOK_SECONDS
        while not (await asyncio.wait({self._pulling}, timeout=seconds))[0]:
            self._check_hold()  # time costs, too
        came = self._pulling.result()
        self._pulling = None
        if isinstance(came, BaseException):
            raise came
        if came is _END:
            self._ended = True
            raise StopAsyncIteration
        data: bytes = came  # type: ignore[assignment]  # what else it may be, the edge finds out
        return data

    def _feed(self, data: bytes) -> bytes:
        """Return what the client gets; a meter that breaks, or answers junk, reads no more."""
        if self._reading is None:
            return data
        try:
            given: object = self._reading.feed(data)
        except BaseException as error:  # noqa: BLE001 - as above
            self._lose(error)
            return data
        if not isinstance(given, bytes):
            _log.error("meter %s gave a %s", type(self._reading).__name__, type(given).__name__)
            self._reading = None
            return data
        self._fed += len(data)
        self._check_hold()
        return given

    def _check_hold(self) -> None:
        """End the reply at its hold; one whose cost is known whole has nothing left to save."""
        if self._cut_at is None or self._is_complete():
            return
        cost = self._ask(lambda reading: reading.known(self._fed))
        if cost is not None and cost.micro >= self._cut_at.micro:
            self._due = self.known()
            self.overran = True
            raise Failure("hold", "the reply's cost reached what was held")

    def _is_complete(self) -> bool:
        if self._reading is None:
            return False
        try:
            return self._reading.complete is True
        except BaseException as error:  # noqa: BLE001 - as above
            self._lose(error)
            return False

    def _ask(self, question: Callable[[Reading], object]) -> Money | None:
        """Return what the meter says, or None where that is nothing in the hold's currency."""
        if self._reading is None:
            return None
        try:
            cost = question(self._reading)
        except BaseException as error:  # noqa: BLE001 - as above
            self._lose(error)
            return None
        return cost if isinstance(cost, Money) and cost.currency == self._currency else None

    def _lose(self, error: BaseException) -> None:
        _tell(self._reading, error)
        self._reading = None


async def _next(body: AsyncIterator[bytes]) -> object:
    """Return the next piece, `_END`, or what was raised, which in a task could end the process."""
    try:
        return await anext(body, _END)
    except BaseException as error:  # noqa: BLE001 - it is raised where somebody waits
        return error


def _tell(meter: object, error: BaseException) -> None:
    """Log that a meter broke; its message stays out, since it may hold a secret."""
    _log.error("meter %s raised %s", type(meter).__name__, type(error).__name__)
