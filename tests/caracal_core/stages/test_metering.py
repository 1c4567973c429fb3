"""A meter reads what a reply did cost; one that breaks spoils nothing."""

import pytest

from caracal_core.domain import Headers, Money, Quote, Reply
from caracal_core.stages.metering import Metering
from caracal_core.testing.fakes.script import stream
from caracal_core.testing.fakes.values import a_route, usd


class _Meter:
    """Reads one cent a byte, of replies that it knows."""

    def __init__(
        self, *, knows=True, breaks_in="", error=RuntimeError, currency="USD", gives=bytes
    ):
        self._knows, self._breaks_in, self._error = knows, breaks_in, error
        self._currency = currency
        self._gives = gives
        self._seen = 0

    def _do(self, verb):
        if self._breaks_in == verb:
            raise self._error("s3cret")

    def recognise(self, reply, route, quote):
        self._do("recognise")
        return self if self._knows else None

    @property
    def complete(self):
        self._do("complete")
        return False

    def feed(self, data):
        self._do("feed")
        self._seen += len(data)
        return self._gives(data)

    def cost(self):
        self._do("cost")
        return Money(self._seen * 10_000, self._currency)


QUOTE = Quote(usd("1"), metered=True)


def a_reply(body=None):
    return Reply(200, Headers(), body or stream([b"four", b"teen"]))


async def read(*meters):
    """Stream a reply past the meters; return what came out and what it did cost."""
    reply = a_reply()
    metered = Metering(meters).recognise(reply, a_route(), QUOTE)
    if metered is None:
        return None
    return [data async for data in metered.stream(reply.body)], metered.cost("USD")


async def test_the_first_meter_that_knows_the_reply_reads_it():
    assert await read(_Meter(knows=False), _Meter()) == ([b"four", b"teen"], Money(80_000, "USD"))


@pytest.mark.parametrize("meters", [(), (_Meter(knows=False),)])
async def test_a_reply_that_nobody_knows_is_not_metered(meters):
    assert await read(*meters) is None


ERRORS = [RuntimeError, SystemExit, GeneratorExit, KeyboardInterrupt]


@pytest.mark.parametrize("error", ERRORS)
async def test_one_that_breaks_at_the_first_look_is_passed_over(error, caplog):
    broken = _Meter(breaks_in="recognise", error=error)
    assert await read(broken, _Meter()) == ([b"four", b"teen"], Money(80_000, "USD"))
    assert error.__name__ in caplog.text
    assert "s3cret" not in caplog.text


@pytest.mark.parametrize("error", ERRORS)
@pytest.mark.parametrize("verb", ["feed", "cost"])
async def test_one_that_breaks_later_has_read_nothing_and_the_reply_goes_on(verb, error):
    assert await read(_Meter(breaks_in=verb, error=error)) == ([b"four", b"teen"], None)


async def test_a_cost_in_another_currency_is_none():
    assert await read(_Meter(currency="EUR")) == ([b"four", b"teen"], None)


async def test_the_client_gets_what_the_meter_gives():
    shouting = _Meter(gives=bytes.upper)
    assert await read(shouting) == ([b"FOUR", b"TEEN"], Money(80_000, "USD"))


async def test_what_the_meter_keeps_to_itself_the_client_does_not_get():
    assert await read(_Meter(gives=lambda data: b"")) == ([], Money(80_000, "USD"))


@pytest.mark.parametrize("junk", [None, "text", 5])
async def test_one_that_gives_junk_has_read_nothing_and_the_reply_goes_on(junk):
    assert await read(_Meter(gives=lambda data: junk)) == ([b"four", b"teen"], None)


async def test_what_is_no_reading_is_passed_over():
    class Junk(_Meter):
        def recognise(self, reply, route, quote):
            return "junk"

    assert await read(Junk()) is None


async def test_who_stops_reading_stops_the_body():
    closed = []

    async def endless():
        try:
            while True:
                yield b"x"
        finally:
            closed.append(True)

    reply = a_reply(endless())
    body = Metering([_Meter()]).recognise(reply, a_route(), QUOTE).stream(reply.body)
    await anext(body)
    await body.aclose()
    assert closed == [True]
