# ruff: noqa: S101 - a contract is a set of tests
"""What every meter owes: the reply's own price, however its bytes are cut."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from msgspec import Struct

from caracal_core.domain import Headers, Money, Quote, Reply, Route
from caracal_core.ports import Meter, Reading
from caracal_core.testing.fakes import a_route, usd
from caracal_core.testing.fakes.script import stream


class Metered(Struct, frozen=True):
    """A reply and what it did cost.

    Attributes:
        body: the whole body.
        cost: what the meter must read; None where the reply does not say.
        headers: the reply's fields, names in lower case.
        status: the reply's status.
        delivered: what the client gets of the body; None is all of it.
    """

    body: bytes
    cost: Money | None
    headers: tuple[tuple[str, str], ...] = ()
    status: int = 200
    delivered: bytes | None = None

    def reply(self) -> Reply:
        """Return the reply, its body still to come."""
        return Reply(self.status, Headers(self.headers), stream([self.body]), len(self.body))


class MeterContract:
    """Give ``meter`` and ``metered``, replies that it recognises and what they cost.

    ``foreign`` (replies that it must leave to others), ``route`` and ``quote`` have defaults.
    """

    @pytest.fixture
    def meter(self) -> Meter:
        """Give the part under test."""
        raise NotImplementedError("give the fixture 'meter': the part under test")

    @pytest.fixture
    def metered(self) -> Sequence[Metered]:
        """Give replies that it recognises."""
        raise NotImplementedError("give the fixture 'metered': replies and what they cost")

    @pytest.fixture
    def foreign(self) -> Sequence[Metered]:
        """Give replies that are not its kind; their cost is not looked at."""
        return ()

    @pytest.fixture
    def route(self) -> Route:
        """Give the route that the replies came over."""
        return a_route(tariff="test-tariff")

    @pytest.fixture
    def quote(self) -> Quote:
        """Give what was quoted for the requests that the replies answer."""
        return Quote(usd("0.25"), metered=True)

    async def test_it_has_the_shape_of_a_meter(self, meter: Meter) -> None:
        """The house can find its verb."""
        assert isinstance(meter, Meter)

    async def test_it_recognises_its_replies(
        self, meter: Meter, metered: Sequence[Metered], route: Route, quote: Quote
    ) -> None:
        """Each reply gets a reading of its own."""
        assert metered, "give at least one reply"
        for case in metered:
            reply = case.reply()
            readings = meter.recognise(reply, route, quote), meter.recognise(reply, route, quote)
            assert isinstance(readings[0], Reading)
            assert readings[0] is not readings[1]

    async def test_it_leaves_foreign_replies_alone(
        self, meter: Meter, foreign: Sequence[Metered], route: Route, quote: Quote
    ) -> None:
        """None lets the next meter be asked."""
        assert not [case for case in foreign if meter.recognise(case.reply(), route, quote)]

    @pytest.mark.parametrize("size", [1, 7, 64, 2**20])
    async def test_it_reads_the_cost_however_the_body_is_cut(
        self, meter: Meter, metered: Sequence[Metered], route: Route, quote: Quote, size: int
    ) -> None:
        """A cost may straddle two chunks of the body."""
        for case in metered:
            reading = _reading(meter, case, route, quote)
            for start in range(0, len(case.body), size):
                reading.feed(case.body[start : start + size])
            assert reading.cost() == case.cost

    @pytest.mark.parametrize("size", [1, 7, 64, 2**20])
    async def test_the_client_gets_the_reply_however_it_is_cut(
        self, meter: Meter, metered: Sequence[Metered], route: Route, quote: Quote, size: int
    ) -> None:
        """All of it, but for what is the meter's own business."""
        for case in metered:
            reading = _reading(meter, case, route, quote)
            cuts = range(0, len(case.body), size)
            given = [reading.feed(case.body[start : start + size]) for start in cuts]
            expected = case.body if case.delivered is None else case.delivered
            assert b"".join(given) == expected

    async def test_what_comes_after_it_is_complete_changes_nothing(
        self, meter: Meter, metered: Sequence[Metered], route: Route, quote: Quote
    ) -> None:
        """Nobody has to read on to learn the cost."""
        for case in metered:
            reading = _reading(meter, case, route, quote)
            for place in range(len(case.body)):
                reading.feed(case.body[place : place + 1])
                assert type(reading.complete) is bool
                if reading.complete:
                    assert reading.cost() == case.cost

    async def test_what_is_known_so_far_never_falls(
        self, meter: Meter, metered: Sequence[Metered], route: Route, quote: Quote
    ) -> None:
        """Who ends a reply at its hold is not told later that it was too early."""
        for case in metered:
            reading = _reading(meter, case, route, quote)
            most = least = 0
            for place in range(len(case.body)):
                reading.feed(case.body[place : place + 1])
                cost, known = reading.cost(), reading.known(place + 1)
                assert cost is None or cost.micro >= most
                assert known is None or known.micro >= least
                most = cost.micro if cost is not None else most
                least = known.micro if known is not None else least
            cost = reading.cost()
            assert cost is None or least <= cost.micro

    async def test_what_the_client_did_not_get_makes_nothing_dearer(
        self, meter: Meter, metered: Sequence[Metered], route: Route, quote: Quote
    ) -> None:
        """A reply that is cut costs no more for the piece that was kept back."""
        for case in metered:
            reading = _reading(meter, case, route, quote)
            reading.feed(case.body)
            known = [reading.known(delivered) for delivered in range(len(case.body) + 1)]
            micro = [0 if cost is None else cost.micro for cost in known]
            assert micro == sorted(micro)

    async def test_asking_twice_reads_the_same(
        self, meter: Meter, metered: Sequence[Metered], route: Route, quote: Quote
    ) -> None:
        """Reading the meter does not turn it back."""
        for case in metered:
            reading = _reading(meter, case, route, quote)
            reading.feed(case.body)
            assert reading.cost() == reading.cost() == case.cost

    async def test_simultaneous_readings_do_not_mix(
        self, meter: Meter, metered: Sequence[Metered], route: Route, quote: Quote
    ) -> None:
        """Replies stream side by side."""
        readings = [_reading(meter, case, route, quote) for case in metered]
        for place in range(max(len(case.body) for case in metered)):
            for case, reading in zip(metered, readings, strict=True):
                reading.feed(case.body[place : place + 1])
        assert [reading.cost() for reading in readings] == [case.cost for case in metered]

    @pytest.mark.parametrize("body", [b"", b"\x00" * 1000, b"{" * 5000, b"\xff\xfe"])
    async def test_a_body_that_makes_no_sense_is_survived(
        self, meter: Meter, metered: Sequence[Metered], route: Route, quote: Quote, body: bytes
    ) -> None:
        """A reply that does not say what it cost reads None or an amount, never an error."""
        reading = _reading(meter, metered[0], route, quote)
        reading.feed(body)
        cost = reading.cost()
        assert cost is None or type(cost) is Money


def _reading(meter: Meter, case: Metered, route: Route, quote: Quote) -> Reading:
    reading = meter.recognise(case.reply(), route, quote)
    assert reading is not None, "the meter does not recognise a reply that is its own"
    return reading
