"""A reply costs what was counted, by the price of its quote, to the micro-unit."""

import asyncio
import contextlib
import json

import msgspec
import pytest

from caracal_core.builtin.meters.document import Document
from caracal_core.builtin.meters.meter import BookMeter
from caracal_core.domain import Headers, Money, Reply
from caracal_core.errors import Failure
from caracal_core.stages.bill import Bill, Cost
from caracal_core.stages.metering import Metering
from caracal_core.testing.contracts import MeterContract
from caracal_core.testing.contracts.meter import Metered
from caracal_core.testing.fakes import FakeBody, FakeClock, a_route, usd
from caracal_core.testing.fakes.script import stream

JSON = (("content-type", "application/json"),)
EVENTS = (("content-type", "text/event-stream; charset=utf-8"),)
USAGE = {"prompt_tokens": 10, "completion_tokens": 4, "prompt_tokens_details": {"cached_tokens": 3}}
COST = Money(-(-(7 * 2_500_000 + 3 * 1_250_000 + 4 * 10_000_000) // 10**6), "USD")
ANTHROPIC = Money(
    -(-(10 * 2_500_000 + 7 * 1_250_000 + 2 * 3_750_000 + 20 * 10_000_000) // 10**6), "USD"
)
SAID = {
    "input_tokens": 10,
    "cache_read_input_tokens": 7,
    "cache_creation_input_tokens": 2,
    "output_tokens": 20,
}
START = SAID | {"output_tokens": 1}
CHUNK = b'data: {"choices":[{"delta":{"content":"x"}}],"usage":null}\n\n'
EXTRA = b'data: {"choices":[],"usage":' + json.dumps(USAGE).encode() + b"}\n\n"
DONE = b"data: [DONE]\n\n"


def events(*each, end=b"\r\n"):
    return b"".join(
        b"event: "
        + event["type"].encode()
        + end
        + b"data: "
        + json.dumps(event).encode()
        + end
        + end
        for event in each
    )


def document(**said):
    return json.dumps({"id": "r"} | said).encode()


def reading_of(quote, *, headers=JSON, length=None, clock=None):
    reply = Reply(200, Headers(headers), stream([]), length)
    return BookMeter(clock or FakeClock()).recognise(reply, a_route(tariff="t"), quote)


class TestTokens(MeterContract):
    """Prices of tokens owe what every meter owes."""

    @pytest.fixture
    def meter(self):
        return BookMeter(FakeClock())

    @pytest.fixture
    def quote(self, chat_quote):
        return chat_quote

    @pytest.fixture
    def metered(self):
        anthropic = events(
            {"type": "message_start", "message": {"usage": START}},
            {"type": "content_block_delta", "delta": {"text": "x"}},
            {"type": "message_delta", "usage": {"output_tokens": 20}},
            {"type": "message_stop"},
        )
        return [
            Metered(document(usage=USAGE), COST, JSON),
            Metered(document(type="message", usage=SAID), ANTHROPIC, JSON),
            Metered(document(), None, JSON),
            Metered(document(usage=USAGE | {"prompt_tokens": -1}), None, JSON),
            Metered(CHUNK + EXTRA + DONE, COST, EVENTS),
            Metered(b": hello\n\n" + (EXTRA + DONE).replace(b"\n", b"\r\n"), COST, EVENTS),
            Metered(CHUNK + DONE, None, EVENTS),
            Metered(anthropic, ANTHROPIC, EVENTS),
        ]

    @pytest.fixture
    def foreign(self):
        gzip = ("content-encoding", "gzip")
        return [
            Metered(b"<p>", None, (("content-type", "text/html"),)),
            Metered(document(usage=USAGE), None),
            Metered(document(usage=USAGE), None, (*JSON, gzip)),
            Metered(EXTRA, None, (*EVENTS, gzip)),
        ]


class TestAskedFor(MeterContract):
    """Where the stream says its usage at our wish, the client does not get the extra chunk."""

    @pytest.fixture
    def meter(self):
        return BookMeter(FakeClock())

    @pytest.fixture
    def quote(self, asked_quote):
        return asked_quote

    @pytest.fixture
    def metered(self):
        return [
            Metered(CHUNK + EXTRA + DONE, COST, EVENTS, delivered=CHUNK + DONE),
            Metered(CHUNK + DONE, None, EVENTS),
        ]


class TestCounted(MeterContract):
    """Prices of bytes owe it, too."""

    @pytest.fixture
    def meter(self):
        return BookMeter(FakeClock())

    @pytest.fixture
    def quote(self, quote_of):
        return quote_of(per_call="0.000001", per_reply_byte="0.0000005", most_reply_bytes=100)

    @pytest.fixture
    def metered(self):
        return [Metered(b"x" * 101, Money(52, "USD")), Metered(b"x" * 2, Money(2, "USD"))]


def test_requests_and_replies_are_counted_by_the_byte(quote_of):
    reading = reading_of(
        quote_of(per_request_byte="0.001", per_reply_byte="1", most_reply_bytes=1), headers=()
    )
    assert reading.cost() == usd("0.01")
    reading.feed(b"abc")
    assert reading.cost() == usd("3.01")


def test_seconds_are_counted_as_they_begin(quote_of):
    clock = FakeClock()
    quote = quote_of(per_second="1", most_seconds=1)
    reading = reading_of(quote, headers=(), clock=clock)
    assert reading.cost() == usd("0")
    clock.advance(0.001)
    assert reading.cost() == usd("1")
    clock.advance(2)
    assert reading.cost() == usd("3")


def unit(**place):
    return {"per_unit": {"price": "0.01", "most_units": 5} | place}


def test_units_are_read_from_the_body(quote_of):
    reading = reading_of(quote_of(**unit(pointer="/usage/pages")))
    assert reading.cost() is None
    reading.feed(document(usage={"pages": 12}))
    assert reading.cost() == usd("0.12")


@pytest.mark.parametrize(
    ("values", "cost"),
    [
        (["12"], usd("0.12")),
        (["0"], usd("0")),
        ([], None),
        (["1", "2"], None),
        (["-1"], None),
        (["1.0"], None),
        (["1e3"], None),
        (["NaN"], None),
        ([""], None),
        (["٣"], None),
        (["9223372036854775808"], None),
        (["9" * 10_000], None),
        (["9223372036854775807"], None),
    ],
    ids=lambda value: str(value)[:40],
)
def test_units_are_read_from_the_head(quote_of, values, cost):
    """What is no whole number, or comes to more than exists, is not metered."""
    headers = [("x-units", value) for value in values]
    assert reading_of(quote_of(**unit(header="X-Units")), headers=headers).cost() == cost


def test_a_reply_is_complete_when_nothing_that_comes_can_cost(quote_of, chat_quote):
    reading = reading_of(chat_quote, headers=EVENTS)
    reading.feed(CHUNK)
    assert not reading.complete
    reading.feed(EXTRA)
    assert reading.complete
    models = {"gpt-x": {"prompt": "1", "max_input": 9}}
    by_byte = quote_of(per_reply_byte="1", most_reply_bytes=9, models=models)
    reading = reading_of(by_byte, headers=EVENTS)
    reading.feed(EXTRA)
    assert not reading.complete
    counted = reading_of(quote_of(per_reply_byte="1", most_reply_bytes=9), headers=(), length=3)
    counted.feed(b"ab")
    assert not counted.complete
    counted.feed(b"c")
    assert counted.complete


def test_units_in_the_head_are_the_whole_cost_where_nothing_else_is_counted(quote_of):
    said = [("x-units", "12")]
    assert reading_of(quote_of(**unit(header="X-Units")), headers=said).complete
    assert not reading_of(quote_of(**unit(header="X-Units")), headers=()).complete
    seconds = quote_of(per_second="1", most_seconds=9, **unit(header="X-Units"))
    assert not reading_of(seconds, headers=said).complete
    models = quote_of(models={"gpt-x": {"prompt": "1", "max_input": 9}}, **unit(header="X-Units"))
    assert not reading_of(models, headers=[*said, *JSON]).complete


@pytest.mark.parametrize(
    ("body", "complete"),
    [
        (FakeBody([b"x" * 10]), True),
        (FakeBody([b"x" * 11]), False),
        (FakeBody([b"x" * 10], chunked=True), True),
        (FakeBody([b"x" * 10], chunked=True, between=lambda: None), False),
    ],
)
def test_a_request_that_is_still_coming_costs_more(quote_of, body, complete):
    """Replies may end before the request that they answer."""
    quote = quote_of(body=body, per_request_byte="1")
    assert reading_of(quote, headers=(), length=0).complete == complete


def test_what_was_said_and_counted_is_known_though_not_all_is(quote_of):
    """Bytes as far as the client got them, and what was read before what was written."""
    models = {"gpt-x": {"prompt": "2", "max_input": 9}}
    both = quote_of(per_reply_byte="1", most_reply_bytes=9, models=models)
    reading = reading_of(both, headers=EVENTS)
    assert reading.known(0) == usd("0")
    reading.feed(events({"type": "message_start", "message": {"usage": START}}))
    assert reading.cost() is None
    assert reading.known(5) == Money(5_000_000 + 2 * (10 + 7 + 2), "USD")

    pages = unit(pointer="/pages") | {"per_reply_byte": "1", "most_reply_bytes": 9}
    reading = reading_of(quote_of(**pages))
    reading.feed(b'{"pages":12')
    assert reading.known(5) == usd("5")
    reading.feed(b"}")
    assert reading.known(5) == usd("5.12")
    assert reading_of(quote_of(**unit(header="a")), headers=[("a", "3")]).known(0) == usd("0.03")


def test_another_tariffs_quote_is_another_meters(chat_quote, quote_of):
    foreign = msgspec.structs.replace(chat_quote, memo="something else")
    assert reading_of(foreign) is None
    assert reading_of(msgspec.structs.replace(chat_quote, metered=False)) is None
    assert reading_of(quote_of(per_call="1"), headers=()) is not None


def test_a_stream_says_no_units_of_its_body(quote_of):
    assert reading_of(quote_of(**unit(pointer="/a")), headers=EVENTS) is None


def test_the_name_of_the_model_that_answered_does_not_matter(chat_quote):
    """An alias is answered by another name; the price is the quote's."""
    reading = reading_of(chat_quote)
    reading.feed(document(model="gpt-x-2026-01-01", usage=USAGE))
    assert reading.cost() == COST


@pytest.mark.parametrize("kind", ["application/json;charset=utf-8", "Application/Vnd.x+JSON"])
def test_json_is_json_however_it_is_said(chat_quote, kind):
    assert isinstance(reading_of(chat_quote, headers=[("content-type", kind)])._body, Document)


@pytest.mark.parametrize("step", [3600.0, -3600.0])
def test_a_wall_clock_that_is_set_meanwhile_costs_nobody_anything(quote_of, step):
    """An hour's correction is no hour of service, nor does it make the service free."""
    clock = FakeClock()
    quote = quote_of(per_second="1", most_seconds=60)
    reading = reading_of(quote, clock=clock)
    clock.advance(20.5)
    clock.set(clock.now() + step)
    assert reading.cost() == usd("21")


ALL_SAID = events(
    {"type": "message_start", "message": {"usage": START}},
    {"type": "content_block_delta", "delta": {"text": "x" * 5000}},
    {"type": "message_delta", "usage": {"output_tokens": 4_000_000}},
)
STOP = events({"type": "message_stop"})


@pytest.mark.parametrize("case", ["units", "messages"])
async def test_what_is_known_to_be_spent_is_due_though_the_reply_is_cut(quote_of, chat_quote, case):
    """A cut saves what is still to come; what the upstream says that it did is spent."""
    if case == "units":
        quote = quote_of(**unit(header="x-pages"))
        headers, pieces, spent = (("x-pages", "100000"),), [b"a", b"b"], usd("1000")
    else:
        quote, headers, pieces, spent = chat_quote, EVENTS, [ALL_SAID, STOP], usd("40.000042")
    one = Bill(quote, a_route(tariff="t", on_overrun="cut"))
    one.deliver(Reply(200, Headers(headers), stream(pieces)), Metering([BookMeter(FakeClock())]))
    with contextlib.suppress(Failure):
        async for _ in one.metered:
            pass
    assert one.of("cut").amount == spent


@pytest.mark.parametrize(
    ("terms", "pieces", "passed"),
    [
        ({"per_reply_byte": "1", "most_reply_bytes": 9}, [b"x" * 8, b"x" * 20], 0),
        ({"per_second": "1", "most_seconds": 9}, [b"x" * 8], 9),
    ],
)
async def test_a_reply_that_is_counted_is_cut_at_its_hold_and_costs_it(
    quote_of, terms, pieces, passed
):
    """The piece that would pass the hold stays here, and nothing is due for it."""
    clock, waits = FakeClock(), asyncio.Event()

    async def endless():
        for piece in pieces:
            yield piece
        await waits.wait()

    one = Bill(quote_of(**terms), a_route(tariff="t", on_overrun="cut"))
    one.deliver(Reply(200, Headers(), endless()), Metering([BookMeter(clock)]))
    assert await anext(one.metered) == pieces[0]
    clock.advance(passed)
    with pytest.raises(Failure, match="reached"):
        await anext(one.metered)
    clock.advance(100)
    assert one.of("cut") == Cost(usd("9"), "metered")
    await one.metered.close()


@pytest.mark.parametrize(("said", "due"), [("1000", usd("10")), ("0", usd("0"))])
async def test_units_that_the_head_says_are_due_though_nobody_reads_the_body(quote_of, said, due):
    """Nothing that is still to come changes them, so that leaving early is no discount."""
    quote = quote_of(**unit(header="x-pages"))
    one = Bill(quote, a_route(tariff="t"))
    reply = Reply(200, Headers([("x-pages", said)]), stream([b"a", b"b"]))
    one.deliver(reply, Metering([BookMeter(FakeClock())]))
    assert await anext(one.metered) == b"a"
    assert not one.waits_for_usage
    assert one.of("client_gone").amount == due


@pytest.mark.parametrize("cause", ["client_gone", "cut"])
@pytest.mark.parametrize(
    "terms",
    [{"per_second": "1", "most_seconds": 9}, {"per_reply_byte": "1", "most_reply_bytes": 9}],
)
async def test_a_reply_without_an_end_costs_no_less_than_what_was_counted(quote_of, terms, cause):
    """Event streams seldom end by themselves: whoever reads one leaves it, or is cut off."""
    clock = FakeClock()
    one = Bill(quote_of(**terms), a_route(tariff="t"))
    pieces = stream([b"x" * 3600, b"y"])
    one.deliver(Reply(200, Headers(EVENTS), pieces), Metering([BookMeter(clock)]))
    clock.advance(3600)
    await anext(one.metered)
    assert one.of(cause).amount.micro >= usd("3600").micro
