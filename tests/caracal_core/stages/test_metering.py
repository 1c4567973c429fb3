"""A meter reads what a reply did cost; one that breaks spoils nothing."""

import asyncio

import pytest

from caracal_core.domain import Headers, Money, Quote, Reply
from caracal_core.errors import Failure
from caracal_core.stages.metering import Metering
from caracal_core.testing.fakes.script import stream
from caracal_core.testing.fakes.values import a_route, usd


class _Meter:
    """Reads one cent a byte, of replies that it knows."""

    is_complete = False

    def __init__(
        self, *, knows=True, breaks_in="", error=RuntimeError, currency="USD", gives=bytes
    ):
        self._knows, self._breaks_in, self._error = knows, breaks_in, error
        self._currency = currency
        self._gives = gives
        self._seen = self._said = 0

    def _do(self, verb):
        if self._breaks_in == verb:
            raise self._error("s3cret")

    def recognise(self, reply, route, quote):
        self._do("recognise")
        return self if self._knows else None

    @property
    def complete(self):
        self._do("complete")
        return self.is_complete

    def feed(self, data):
        self._do("feed")
        self._seen += len(data)
        return self._gives(data)

    def cost(self):
        self._do("cost")
        return Money(self._seen * 10_000, self._currency)

    def known(self, delivered):
        self._do("known")
        return Money(self._said + delivered * 10_000, self._currency)


def a_reply(body=None):
    return Reply(200, Headers(), body or stream([b"four", b"teen"]))


def metered(*meters, body=None, cut_at=None):
    """Return a reply's body under the first of these meters that knows it."""
    quote = Quote(usd("1"), metered=True)
    cost = None if cut_at is None else usd(cut_at)
    return Metering(meters).recognise(a_reply(body), a_route(), quote, cut_at=cost)


async def read(*meters):
    """Stream a reply past the meters; return what came out and what it did cost."""
    body = metered(*meters)
    return body and ([data async for data in body], body.usage())


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


@pytest.mark.parametrize("junk", [None, "text", 5, bytearray(b"x")])
async def test_one_that_gives_junk_has_read_nothing_and_the_reply_goes_on(junk):
    assert await read(_Meter(gives=lambda data: junk)) == ([b"four", b"teen"], None)


async def test_what_is_no_reading_is_passed_over():
    class Junk(_Meter):
        def recognise(self, reply, route, quote):
            return "junk"

    assert await read(Junk()) is None


async def test_who_closes_it_ends_the_body():
    closed = []

    async def endless():
        try:
            while True:
                yield b"x"
        finally:
            closed.append(True)

    body = metered(_Meter(), body=endless())
    await anext(body)
    await body.close()
    assert closed == [True]


async def test_who_closes_it_ends_the_wait_for_the_upstream():
    ended = asyncio.Event()

    async def silent():
        try:
            await asyncio.Event().wait()
            yield b""
        finally:
            ended.set()

    body = metered(_Meter(), body=silent())
    waiting = asyncio.ensure_future(anext(body))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait([waiting])
    assert not ended.is_set()
    await body.close()
    assert ended.is_set()


async def test_a_reader_that_is_cancelled_leaves_the_body_to_the_next():
    """Whatever made the body: a generator that is cancelled itself would be over."""
    come = asyncio.Event()

    async def slow():
        yield b"four"
        await come.wait()
        yield b"teen"

    body = metered(_Meter(), body=slow())
    assert await anext(body) == b"four"
    waiting = asyncio.ensure_future(anext(body))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait([waiting])
    come.set()
    assert await body.draw() == 4
    with pytest.raises(StopAsyncIteration):
        await body.draw()
    assert body.usage() == Money(80_000, "USD")


@pytest.mark.parametrize("error", [RuntimeError, SystemExit, KeyboardInterrupt, GeneratorExit])
async def test_what_the_body_raises_is_raised_and_the_process_lives(error):
    async def breaking():
        yield b"four"
        raise error

    body = metered(_Meter(), body=breaking())
    assert await anext(body) == b"four"
    with pytest.raises(error):
        await anext(body)
    assert body.usage() is None


async def test_before_its_end_a_reply_has_no_usage_unless_its_meter_has_it_whole():
    meter = _Meter()
    body = metered(meter)
    await anext(body)
    assert (body.usage(), body.reads) == (None, True)
    meter.is_complete = True
    assert (body.usage(), body.reads) == (Money(40_000, "USD"), False)


async def test_one_that_breaks_at_complete_has_read_nothing():
    meter = _Meter(breaks_in="")
    body = metered(meter)
    await anext(body)
    meter._breaks_in = "complete"
    assert (body.reads, body.usage()) == (False, None)


@pytest.mark.parametrize(
    ("cut_at", "given", "overran"),
    [
        ("0.09", [b"four", b"teen"], False),
        ("0.08", [b"four"], True),
        ("0.05", [b"four"], True),
        ("0.04", [], True),
    ],
)
async def test_a_reply_may_end_where_its_cost_reaches_the_hold(cut_at, given, overran):
    body, got = metered(_Meter(), cut_at=cut_at), []
    try:
        got += [data async for data in _into(got, body)]
    except Failure:
        assert overran
    assert (got, body.overran) == (given, overran)


async def _into(got, body):
    async for data in body:
        got.append(data)
    return
    yield


@pytest.mark.parametrize("cut_at", [None, "0.01"])
async def test_a_reply_whose_cost_is_known_whole_is_not_cut(cut_at):
    """There is nothing left to save; and where nothing says so, none is."""
    meter = _Meter()
    meter.is_complete = cut_at is not None
    body = metered(meter, cut_at=cut_at)
    assert [data async for data in body] == [b"four", b"teen"]
    assert (body.overran, body.usage()) == (False, Money(80_000, "USD"))


async def test_what_is_counted_ends_with_what_the_client_got():
    """Not the piece that a cut kept back, nor what was read on for nobody."""
    cut = metered(_Meter(), cut_at="0.08")
    await anext(cut)
    with pytest.raises(Failure):
        await anext(cut)
    assert cut.known() == usd("0.04")

    left = metered(_Meter())
    await anext(left)
    await left.draw()
    assert left.known() == usd("0.04")


async def test_what_was_said_in_the_piece_that_a_cut_kept_back_is_known():
    meter = _Meter()
    body = metered(meter, cut_at="0.08")
    await anext(body)
    meter._said = usd("5").micro
    with pytest.raises(Failure):
        await anext(body)
    assert body.known() == usd("5.04")
    meter._said = usd("9").micro
    assert body.known() == usd("5.04"), "time that passes after the cut costs nothing"


async def test_time_ends_a_reply_of_which_nothing_comes():
    """Or a silent upstream would be kept at work for the price of its first seconds."""

    async def silent():
        yield b"four"
        await asyncio.Event().wait()

    meter = _Meter()
    body = metered(meter, cut_at="0.08", body=silent())
    assert await anext(body) == b"four"
    meter._said = usd("0.06").micro
    with pytest.raises(Failure, match="reached"):
        await anext(body)
    assert body.known() == usd("0.1")
    await body.close()


async def test_one_that_breaks_at_what_is_known_has_read_nothing():
    body = metered(_Meter(breaks_in="known"))
    await anext(body)
    assert (body.known(), body.usage(), body.reads) == (None, None, False)
