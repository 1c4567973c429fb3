"""A hold always ends, exactly once, by the rule that its ending calls for."""

import asyncio

import pytest

from caracal_core.domain import Headers, Money, Quote, Receipt, Reply, Reservation, Settle
from caracal_core.errors import (
    BudgetExceeded,
    Denied,
    Failure,
    IdempotencyConflict,
    PayloadTooLarge,
    UpstreamTimeout,
    UpstreamUnreachable,
)
from caracal_core.stages.bill import Bill
from caracal_core.stages.charging import Charging
from caracal_core.stages.draining import Draining, Limits
from caracal_core.stages.metering import Metering
from caracal_core.stages.part import Part
from caracal_core.testing.fakes.request import a_request
from caracal_core.testing.fakes.script import stream
from caracal_core.testing.fakes.services import FakeCounter
from caracal_core.testing.fakes.values import a_principal, a_route, usd


class _Quarter:
    async def quote(self, request, route, principal):
        return Quote(usd("0.25"))


def charging(book, *meters, settle_seconds=5.0, longest_seconds=60.0):
    return Charging(
        Part("tariff", _Quarter().quote, (Quote,), 5),
        Part("ledger", book.reserve, (Reservation,), 5),
        Part("ledger", book.post, (Receipt,), settle_seconds),
        book,
        Metering(meters),
        Draining(Limits(1, 1000, 1)),
        FakeCounter(),
        expire_seconds=300,
        longest_seconds=longest_seconds,
    )


def a_reply(status=200, chunks=(b"ok",)):
    return Reply(status, Headers(), stream(chunks))


async def delivered(reply, settle):
    """Deliver a reply to its end, as the edge does."""
    async for _ in reply.body:
        pass
    await settle()


def broken_off(error):
    """Deliver until this strikes; a client that hangs up cancels the task, as at the edge."""

    async def deliver(reply, settle):
        if isinstance(error, asyncio.CancelledError):
            asyncio.current_task().cancel()
            await asyncio.sleep(0)
        raise error

    return deliver


@pytest.fixture
def walk(watched, book):
    """Quote and hold on a priced route, and do something inside the hold."""

    def start(inside, *, stage=None, headers=(), **settle):
        stage = stage or charging(book)
        route = a_route(tariff="flat", settle=Settle(**settle))

        async def work(due):
            request, principal = a_request(headers=headers), a_principal()
            quote = await stage.quote(request, route, principal, due)
            key = await stage.key(request, route)
            with stage.hold(request, route, principal, quote, key, due) as hold:
                await hold.reserve()
                await inside(hold)
            return hold

        return watched(work)

    return start


async def test_a_clean_reply_posts_what_was_held(walk, book):
    async def inside(hold):
        hold.sent()
        hold.answered(a_reply())
        await hold.deliver(a_reply(), delivered)

    hold = await walk(inside)
    assert book.told == [("reserve", "0.25"), ("post", "0.25", "reply")]
    assert (hold.posted, hold.cause) == (usd("0.25"), "reply")


async def test_the_replys_head_names_the_charge_and_its_cost(walk):
    heads = []

    async def inside(hold):
        hold.sent()
        hold.answered(a_reply())

        async def deliver(reply, settle):
            heads.append((hold.charge.id, reply.headers))

        await hold.deliver(a_reply(), deliver)

    await walk(inside)
    [(charge, headers)] = heads
    assert headers.get("x-caracal-charge-id") == charge
    assert headers.get("x-caracal-cost") == "0.25"


async def test_settle_waits_until_the_post_is_durable(walk, book):
    book.durable.clear()
    settling = asyncio.Event()

    async def inside(hold):
        hold.sent()
        hold.answered(a_reply())

        async def deliver(reply, settle):
            settling.set()
            await settle()

        await hold.deliver(a_reply(), deliver)

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
        hold.answered(a_reply())
        await hold.deliver(a_reply(), delivered)

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
        (UpstreamTimeout("u", "late"), False, None, "not_sent"),
        (UpstreamTimeout("u", "late"), True, None, "upstream_timeout"),
        (UpstreamTimeout("u", "late"), True, "answer", "cut"),
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
            hold.answered(a_reply())
        if reached != "commit":
            raise error

        await hold.deliver(a_reply(), broken_off(error))

    with pytest.raises((type(error), Failure)):
        await walk(inside, client_gone="void", upstream_failed="void", cut="void")
    assert book.told == [("reserve", "0.25"), ("void", cause)]


@pytest.mark.parametrize("rule", ["post", "void"])
@pytest.mark.parametrize(
    ("cause", "error", "reached"),
    [
        ("client_gone", asyncio.CancelledError(), None),
        ("upstream_failed", UpstreamUnreachable("u", "reset"), None),
        ("upstream_timeout", UpstreamTimeout("u", "late"), None),
        ("cut", UpstreamUnreachable("u", "cut"), "commit"),
    ],
)
async def test_the_routes_rule_says_what_an_unclean_ending_costs(
    walk, book, rule, cause, error, reached
):
    async def inside(hold):
        hold.sent()
        if reached:
            hold.answered(a_reply())
        if reached != "commit":
            raise error

        await hold.deliver(a_reply(), broken_off(error))

    with pytest.raises((type(error), Failure)):
        await walk(inside, **{cause: rule})
    assert book.told[-1] == (("post", "0.25", cause) if rule == "post" else ("void", cause))


@pytest.mark.parametrize("rule", ["post", "void"])
async def test_an_error_status_costs_what_the_route_says(walk, book, rule):
    async def inside(hold):
        hold.sent()
        hold.answered(a_reply())
        await hold.deliver(a_reply(500), delivered)

    await walk(inside, error_status=rule)
    expected = ("post", "0.25", "error_status") if rule == "post" else ("void", "error_status")
    assert book.told[-1] == expected


async def test_before_the_first_byte_it_is_always_given_back(walk, book, monkeypatch):
    """Also where no bill can be made."""

    async def inside(hold):
        raise asyncio.CancelledError

    for bill in (Bill.of, None):
        monkeypatch.setattr(Bill, "of", bill)
        with pytest.raises(asyncio.CancelledError):
            await walk(inside, client_gone="post", upstream_failed="post", cut="post")
        assert book.told[-1] == ("void", "not_sent")


async def test_a_refused_hold_is_voided_for_an_earlier_try_may_have_been_done(walk, book):
    book.refuses = BudgetExceeded(usd("0.25"), "test-agent", "day", usd("0"))

    async def inside(hold):
        raise AssertionError("nothing is held")

    with pytest.raises(BudgetExceeded):
        await walk(inside)
    assert book.told == [("reserve", "0.25"), ("void", "not_sent")]


async def test_a_hold_whose_outcome_is_unknown_is_voided(walk, book):
    book.refuses = Failure("ledger", "connection lost during commit")
    with pytest.raises(Failure):
        await walk(None)
    assert book.told == [("reserve", "0.25"), ("void", "not_sent")]


async def test_a_free_route_holds_nothing(watched, book):
    stage, route = charging(book), a_route()

    async def work(due):
        request, principal = a_request(), a_principal()
        quote = await stage.quote(request, route, principal, due)
        with stage.hold(request, route, principal, quote, None, due) as hold:
            await hold.reserve()
            hold.sent()
            reply = a_reply()
            seen = []

            async def deliver(given, settle):
                seen.append(given is reply)
                await settle()

            await hold.deliver(reply, deliver)
            assert seen == [True]

    await watched(work)
    assert book.told == []


class _Meter:
    """Reads one cent a byte."""

    seen, complete = 0, False

    def recognise(self, reply, route, quote):
        return self

    def feed(self, data):
        self.seen += len(data)
        return data

    def cost(self):
        return Money(self.seen * 10_000, "USD")

    def known(self, delivered):
        return Money(delivered * 10_000, "USD")


async def test_a_metered_reply_costs_what_its_meter_read(walk, book):
    async def inside(hold):
        hold.sent()
        hold.answered(a_reply())

        async def deliver(reply, settle):
            assert "x-caracal-cost" not in reply.headers
            assert reply.length is None  # its meter may keep some of it back
            await delivered(reply, settle)

        await hold.deliver(Reply(200, Headers(), stream([b"four", b"teen"]), 8), deliver)

    await walk(inside, stage=charging(book, _Meter()))
    assert book.told[-1] == ("post", "0.08", "reply")


async def test_a_meter_that_answers_junk_leaves_the_held_amount_to_be_posted(walk, book):
    class Junk(_Meter):
        def cost(self):
            return 5

    async def inside(hold):
        hold.sent()
        hold.answered(a_reply())
        await hold.deliver(a_reply(), delivered)

    await walk(inside, stage=charging(book, Junk()))
    assert book.told[-1] == ("post", "0.25", "reply")


async def test_a_reply_is_cut_once_its_hold_cannot_be_renewed_any_longer(walk, book):
    async def endless(reply, settle):
        await asyncio.Future()

    async def inside(hold):
        hold.sent()
        hold.answered(a_reply())
        await hold.deliver(a_reply(), endless)

    with pytest.raises(Failure):
        await walk(inside, stage=charging(book, longest_seconds=0.01), cut="post")
    assert book.told[-1] == ("post", "0.25", "cut")


async def test_everybody_else_hears_the_public_id_and_the_ending_names_the_attempt(walk, book):
    """Or a second attempt under a key would end the first one."""
    book.public_id, heads = "public", []

    async def inside(hold):
        hold.sent()
        hold.answered(a_reply())

        async def deliver(reply, settle):
            heads.append(reply.headers)
            await delivered(reply, settle)

        await hold.deliver(a_reply(), deliver)
        assert hold.public_id == "public"

    await walk(inside, headers={"Idempotency-Key": "k"})
    assert heads[0].get("x-caracal-charge-id") == "public"
    (charge,) = book.charges
    assert (charge.key, len(charge.fingerprint)) == ("k", 64)
    assert book.ended == [charge.id] != ["public"]


async def test_a_conflict_ends_nothing_but_the_attempt_that_was_refused(walk, book):
    book.refuses = IdempotencyConflict("idempotency_in_flight", "public")
    with pytest.raises(IdempotencyConflict):
        await walk(None, headers={"Idempotency-Key": "k"})
    assert book.told == [("reserve", "0.25"), ("void", "not_sent")]
    assert book.ended == [book.charges[0].id]


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
