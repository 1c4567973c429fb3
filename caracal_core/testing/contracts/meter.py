# ruff: noqa: S101 - a contract is a set of tests
"""What every meter owes: the reply's own price, however its bytes are cut."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from msgspec import Struct

from caracal_core.domain import Headers, Money, Reply, Route
from caracal_core.ports import Meter, Reading
from caracal_core.testing.fakes import a_route
from caracal_core.testing.fakes.script import stream


class Metered(Struct, frozen=True):
    """A reply and what it did cost.

    Attributes:
        body: the whole body.
        cost: what the meter must read; None where the reply does not say.
        headers: the reply's fields, names in lower case.
        status: the reply's status.
    """

    body: bytes
    cost: Money | None
    headers: tuple[tuple[str, str], ...] = ()
    status: int = 200

    def reply(self) -> Reply:
        """Return the reply, its body still to come."""
        return Reply(self.status, Headers(self.headers), stream([self.body]), len(self.body))


class MeterContract:
    """Give ``meter`` and ``metered``, replies that it recognises and what they cost.

    ``foreign`` (replies that it must leave to others) and ``route`` have defaults.
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

    async def test_it_has_the_shape_of_a_meter(self, meter: Meter) -> None:
        """The house can find its verb."""
        assert isinstance(meter, Meter)

    async def test_it_recognises_its_replies(
        self, meter: Meter, metered: Sequence[Metered], route: Route
    ) -> None:
        """Each reply gets a reading of its own."""
        assert metered, "give at least one reply"
        for case in metered:
            reply = case.reply()
            readings = meter.recognise(reply, route), meter.recognise(reply, route)
            assert isinstance(readings[0], Reading)
            assert readings[0] is not readings[1]

    async def test_it_leaves_foreign_replies_alone(
        self, meter: Meter, foreign: Sequence[Metered], route: Route
    ) -> None:
        """None lets the next meter be asked."""
        assert not [case for case in foreign if meter.recognise(case.reply(), route)]

    @pytest.mark.parametrize("size", [1, 7, 64, 2**20])
    async def test_it_reads_the_cost_however_the_body_is_cut(
        self, meter: Meter, metered: Sequence[Metered], route: Route, size: int
    ) -> None:
        """A cost may straddle two chunks of the body."""
        for case in metered:
            reading = _reading(meter, case, route)
            for start in range(0, len(case.body), size):
                reading.feed(case.body[start : start + size])
            assert reading.cost() == case.cost

    async def test_asking_twice_reads_the_same(
        self, meter: Meter, metered: Sequence[Metered], route: Route
    ) -> None:
        """Reading the meter does not turn it back."""
        for case in metered:
            reading = _reading(meter, case, route)
            reading.feed(case.body)
            assert reading.cost() == reading.cost() == case.cost

    async def test_simultaneous_readings_do_not_mix(
        self, meter: Meter, metered: Sequence[Metered], route: Route
    ) -> None:
        """Replies stream side by side."""
        readings = [_reading(meter, case, route) for case in metered]
        for place in range(max(len(case.body) for case in metered)):
            for case, reading in zip(metered, readings, strict=True):
                reading.feed(case.body[place : place + 1])
        assert [reading.cost() for reading in readings] == [case.cost for case in metered]

    @pytest.mark.parametrize("body", [b"", b"\x00" * 1000, b"{" * 5000, b"\xff\xfe"])
    async def test_a_body_that_makes_no_sense_is_survived(
        self, meter: Meter, metered: Sequence[Metered], route: Route, body: bytes
    ) -> None:
        """A reply that does not say what it cost reads None or an amount, never an error."""
        reading = _reading(meter, metered[0], route)
        reading.feed(body)
        cost = reading.cost()
        assert cost is None or type(cost) is Money


def _reading(meter: Meter, case: Metered, route: Route) -> Reading:
    reading = meter.recognise(case.reply(), route)
    assert reading is not None, "the meter does not recognise a reply that is its own"
    return reading
