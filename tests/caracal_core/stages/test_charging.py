"""A hold always ends, exactly once, by the rule that its ending calls for."""

import asyncio

import pytest

from caracal_core.domain import Headers, Money, Receipt, Reply, Reservation, Settle
from caracal_core.errors import (
    BudgetExceeded,
    Denied,
    Failure,
    PayloadTooLarge,
    UpstreamUnreachable,
)
from caracal_core.stages.charging import Charging
from caracal_core.stages.part import Part
from caracal_core.testing.fakes.request import a_request
from caracal_core.testing.fakes.script import stream
from caracal_core.testing.fakes.values import a_principal, a_route, usd


class _Book:
    """A ledger that writes down what it is told."""

    def __init__(self):
        self.told = []
        self.refuses = None
        self.durable = asyncio.Event()
        self.durable.set()

    def reserve(self, charge):
        self.told.append(("reserve", charge.amount.decimal))
        return self._reserved(charge)

    async def _reserved(self, charge):
        if self.refuses:
            raise self.refuses
        return Reservation(charge.id, charge.amount, 0.0)

    def post(self, id, amount, cause):
        self.told.append(("post", amount.decimal, cause))
        return asyncio.ensure_future(self._posted(id, amount, cause))

    async def _posted(self, id, amount, cause):
        await self.durable.wait()
        return Receipt(id, "posted", amount, cause)

    def void(self, id, cause):
        self.told.append(("void", cause))
        return asyncio.ensure_future(self._voided(id, cause))

    async def _voided(self, id, cause):
        return Receipt(id, "voided", usd("0"), cause)


class _Quarter:
    async def quote(self, request, route, principal):
        return usd("0.25")


@pytest.fixture
async def book():
    return _Book()


def charging(book, *meters, settle_seconds=5.0):
    return Charging(
        Part("tariff", _Quarter().quote, (Money,), 5),
        Part("ledger", book.reserve, (Reservation,), 5),
        Part("ledger", book.post, (Receipt,), settle_seconds),
        book,
        meters,
        expire_seconds=300,
    )


def a_reply(status=200, chunks=(b"ok",)):
    return Reply(status, Headers(), stream(chunks))


@pytest.fixture
def walk(watched, book):
    """Quote and hold on a priced route, and do something inside the hold."""

    def start(inside, *, stage=None, **settle):
        stage = stage or charging(book)
        route = a_route(tariff="flat", settle=Settle(**settle))

        async def work(due):
            request, principal = a_request(), a_principal()
            price = await stage.quote(request, route, principal, due)
            with stage.hold(request, route, principal, price, due) as hold:
                await hold.reserve()
                await inside(hold)
            return hold

        return watched(work)

    return start


async def test_a_clean_reply_posts_what_was_held(walk, book):
    async def inside(hold):
        hold.sent()
        hold.answered()
        hold.commit(a_reply())
        await hold.settle()

    hold = await walk(inside)
    assert book.told == [("reserve", "0.25"), ("post", "0.25", "reply")]
    assert (hold.posted, hold.cause) == (usd("0.25"), "reply")


async def test_the_replys_head_names_the_charge_and_its_cost(walk):
    heads = []

    async def inside(hold):
        hold.sent()
        hold.answered()
        heads.append((hold.charge.id, hold.commit(a_reply()).headers))

    await walk(inside)
    [(charge, headers)] = heads
    assert headers.get("x-caracal-charge-id") == charge
    assert headers.get("x-caracal-cost") == "0.25"


async def test_settle_waits_until_the_post_is_durable(walk, book):
    book.durable.clear()
    settling = asyncio.Event()

    async def inside(hold):
        hold.sent()
        hold.answered()
        hold.commit(a_reply())
        settling.set()
        await hold.settle()

    task = walk(inside)
    await settling.wait()
    for _ in range(5):
        await asyncio.sleep(0)
    assert book.told[-1][0] == "post"
    assert not task.done()
    book.durable.set()
    await task


async def test_a_post_that_does_not_become_durable_in_time_fails_and_is_not_repeated(walk, book):
    book.durable.clear()

    async def inside(hold):
        hold.sent()
        hold.answered()
        hold.commit(a_reply())
        await hold.settle()

    with pytest.raises(Failure):
        await walk(inside, stage=charging(book, settle_seconds=0.01))
    assert [verb for verb, *_ in book.told] == ["reserve", "post"]
    book.durable.set()


@pytest.mark.parametrize(
    ("error", "sent", "reached", "cause"),
    [
        (Denied(), False, None, "not_sent"),
        (UpstreamUnreachable("u", "refused"), False, None, "not_sent"),
        (asyncio.CancelledError(), False, None, "not_sent"),
        (UpstreamUnreachable("u", "reset"), True, None, "upstream_failed"),
        (Failure("u", "junk"), True, None, "upstream_failed"),
        (asyncio.CancelledError(), True, None, "client_gone"),
        (PayloadTooLarge(), True, None, "client_gone"),
        (asyncio.CancelledError(), True, "commit", "client_gone"),
        (UpstreamUnreachable("u", "cut"), True, "commit", "cut"),
        (Denied(), True, "answer", "cut"),
        (Failure("filter", "broke"), True, "answer", "cut"),
        (asyncio.CancelledError(), True, "answer", "client_gone"),
        (RuntimeError(), True, "commit", "cut"),
    ],
)
async def test_every_ending_has_its_cause(walk, book, error, sent, reached, cause):
    async def inside(hold):
        if sent:
            hold.sent()
        if reached:
            hold.answered()
        if reached == "commit":
            hold.commit(a_reply())
        raise error

    with pytest.raises(type(error)):
        await walk(inside, client_gone="void", upstream_failed="void", cut="void")
    assert book.told == [("reserve", "0.25"), ("void", cause)]


@pytest.mark.parametrize("rule", ["post", "void"])
@pytest.mark.parametrize(
    ("cause", "error", "reached"),
    [
        ("client_gone", asyncio.CancelledError(), None),
        ("upstream_failed", UpstreamUnreachable("u", "reset"), None),
        ("cut", UpstreamUnreachable("u", "cut"), "commit"),
    ],
)
async def test_the_routes_rule_says_what_an_unclean_ending_costs(
    walk, book, rule, cause, error, reached
):
    async def inside(hold):
        hold.sent()
        if reached:
            hold.answered()
        if reached == "commit":
            hold.commit(a_reply())
        raise error

    with pytest.raises(type(error)):
        await walk(inside, **{cause: rule})
    assert book.told[-1] == (("post", "0.25", cause) if rule == "post" else ("void", cause))


@pytest.mark.parametrize("rule", ["post", "void"])
async def test_an_error_status_costs_what_the_route_says(walk, book, rule):
    async def inside(hold):
        hold.sent()
        hold.answered()
        hold.commit(a_reply(500))
        await hold.settle()

    await walk(inside, error_status=rule)
    expected = ("post", "0.25", "error_status") if rule == "post" else ("void", "error_status")
    assert book.told[-1] == expected


async def test_before_the_first_byte_it_is_always_given_back(walk, book):
    async def inside(hold):
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await walk(inside, client_gone="post", upstream_failed="post", cut="post")
    assert book.told[-1] == ("void", "not_sent")


async def test_a_hold_the_ledger_refused_has_nothing_to_give_back(walk, book):
    book.refuses = BudgetExceeded(usd("0.25"), "test-agent", "day", usd("0"))

    async def inside(hold):
        raise AssertionError("nothing is held")

    with pytest.raises(BudgetExceeded):
        await walk(inside)
    assert book.told == [("reserve", "0.25")]


async def test_a_hold_whose_outcome_is_unknown_is_voided(walk, book):
    book.refuses = Failure("ledger", "connection lost during commit")
    with pytest.raises(Failure):
        await walk(None)
    assert book.told == [("reserve", "0.25"), ("void", "not_sent")]


async def test_a_free_route_holds_nothing(watched, book):
    stage, route = charging(book), a_route()

    async def work(due):
        request, principal = a_request(), a_principal()
        price = await stage.quote(request, route, principal, due)
        with stage.hold(request, route, principal, price, due) as hold:
            await hold.reserve()
            hold.sent()
            reply = a_reply()
            assert hold.commit(reply) is reply
            await hold.settle()

    await watched(work)
    assert book.told == []


class _Meter:
    """Reads one cent a byte."""

    def __init__(self, *, knows=True):
        self.knows = knows
        self.seen = 0

    def recognise(self, reply, route):
        return self if self.knows else None

    def feed(self, data):
        self.seen += len(data)

    def cost(self):
        return Money(self.seen * 10_000, "USD")


async def test_a_metered_reply_costs_what_its_meter_read(walk, book):
    async def inside(hold):
        hold.sent()
        hold.answered()
        reply = hold.commit(a_reply(chunks=[b"four", b"teen"]))
        assert [data async for data in reply.body] == [b"four", b"teen"]
        assert "x-caracal-cost" not in reply.headers
        await hold.settle()

    await walk(inside, stage=charging(book, _Meter(knows=False), _Meter()))
    assert book.told[-1] == ("post", "0.08", "reply")


async def test_who_stops_reading_a_metered_body_stops_the_body(walk, book):
    closed = []

    async def endless():
        try:
            while True:
                yield b"x"
        finally:
            closed.append(True)

    async def inside(hold):
        hold.sent()
        hold.answered()
        body = hold.commit(Reply(200, Headers(), endless())).body
        await anext(body)
        await body.aclose()
        assert closed == [True]

    await walk(inside, stage=charging(book, _Meter()))


async def test_a_broken_meter_does_not_spoil_the_reply(walk, book):
    class Broken:
        def recognise(self, reply, route):
            raise RuntimeError

    async def inside(hold):
        hold.sent()
        hold.answered()
        hold.commit(a_reply())
        await hold.settle()

    await walk(inside, stage=charging(book, Broken()))
    assert book.told[-1] == ("post", "0.25", "reply")


async def test_a_ledger_that_raises_at_the_ending_does_not_change_the_answer(walk, book, caplog):
    def collapse(id, cause):
        raise RuntimeError("s3cret")

    book.void = collapse

    async def inside(hold):
        raise Denied

    with pytest.raises(Denied):
        await walk(inside)
    assert "RuntimeError" in caplog.text
    assert "s3cret" not in caplog.text
