"""The whole corridor with money: keys, estimates, stated costs, usage, and clients that leave."""

import asyncio

import pytest

from caracal_core.domain import Headers, Money, Quote, Reply, Settle
from caracal_core.errors import IdempotencyConflict
from caracal_core.stages.bill import Bill
from caracal_core.testing.fakes import FakeBody, a_request, a_route, usd
from caracal_core.testing.fakes.script import Answer, Cut, Echo, Hold, Reset
from caracal_core.testing.rehearsal import Rehearsal

KEY = {"Idempotency-Key": "order-1"}


class Tariff:
    """Quotes 0.25, by a version of a price, for replies of which a meter is expected."""

    names = frozenset({"test-tariff"})

    def __init__(self, body=None):
        self.body = body

    async def quote(self, request, route, principal):
        return Quote(usd("0.25"), price="flat@7", body=self.body, metered=True)


class Meter:
    """Reads one cent a byte, keeps what stands in brackets, and knows all at a full stop."""

    def recognise(self, reply, route, quote):
        assert quote.price == "flat@7"
        return Reading() if reply.headers.get("content-type") == "text/metered" else None


class Reading:
    seen, complete = b"", False

    def feed(self, data):
        self.seen += data
        self.complete = self.seen.endswith(b".")
        return b"" if data.startswith(b"[") else data

    def cost(self):
        return Money(len(self.seen) * 10_000, "USD")

    def known(self, delivered):
        return Money(delivered * 10_000, "USD")


METERED = (("content-type", "text/metered"),)


@pytest.fixture
async def house():
    """Open a house on these terms, with a budget of a dollar."""
    opened = []

    async def start(*, body=None, **terms):
        route = a_route(tariff="test-tariff", **terms)
        rehearsal = Rehearsal(terms=route.terms, tariff=Tariff(body), meters=[Meter()])
        rehearsal.ledger.limit("test-agent", usd("1"))
        opened.append(rehearsal)
        return await rehearsal.__aenter__()

    yield start
    for rehearsal in opened:
        await rehearsal.__aexit__(None, None, None)


def post(headers=(), body=b"{}"):
    return a_request("POST", "/x", headers=headers, body=body)


def ended(one):
    """Return how the charges ended: their cause, amount and basis."""
    receipts, bases = one.ledger.receipts.values(), one.ledger.bases
    return [(r.cause, r.amount.decimal, bases.get(r.id)) for r in receipts]


async def test_usage_is_posted_with_the_price_it_went_by(house):
    one = await house()
    one.upstream.will(Answer(headers=METERED, chunks=(b"four", b"teen.")))
    rehearsed = await one.call(post())
    assert ended(one) == [("reply", "0.09", "metered")]
    assert rehearsed.headers.get("x-caracal-cost") is None
    story = rehearsed.exchange
    assert (story.price, story.basis, story.posted) == ("flat@7", "metered", usd("0.09"))
    assert story.charge == rehearsed.headers.get("x-caracal-charge-id")


async def test_what_the_meter_keeps_the_client_does_not_get_and_no_length_is_promised(house):
    one = await house()
    one.upstream.will(Answer(headers=METERED, chunks=(b"four", b"[usage]", b".")))
    rehearsed = await one.call(post())
    assert rehearsed.body == b"four."


async def test_a_reply_that_no_meter_reads_is_marked(house):
    one = await house()
    rehearsed = await one.call(post())
    assert ended(one) == [("reply", "0.25", "unmetered")]
    assert rehearsed.headers.get("x-caracal-cost") == "0.25"


async def test_the_upstream_gets_the_quoted_body_and_is_asked_for_a_readable_reply(house):
    one = await house(body=b'{"usage":true}')
    await one.call(post({"Accept-Encoding": "gzip"}, body=b"{}"))
    (received,) = one.upstream.received
    assert received.body == b'{"usage":true}'
    assert received.headers.all("accept-encoding") == ("identity",)


async def test_a_body_that_the_tariff_did_not_look_at_is_read_before_anything_is_held(house):
    one = await house(body=b"other", max_request_bytes=4)
    rehearsed = await one.call(post(body=FakeBody([b"123", b"45"], chunked=True)))
    assert (rehearsed.status, ended(one), one.upstream.received) == (413, [], [])


async def test_an_overrun_is_posted_in_full(house):
    one = await house()
    one.upstream.will(Answer(headers=METERED, chunks=(b"x" * 40, b".")))
    await one.call(post())
    assert ended(one) == [("reply", "0.41", "metered")]


@pytest.mark.parametrize("rule", ["post", "void"])
async def test_or_the_reply_is_cut_at_its_hold(house, rule):
    """What is cut so is never free."""
    one = await house(on_overrun="cut", settle=Settle(cut=rule))
    one.upstream.will(Answer(headers=METERED, chunks=(b"x" * 20, b"x" * 20, b".")))
    rehearsed = await one.call(post())
    assert rehearsed.error is not None
    assert b"." not in rehearsed.body
    assert ended(one) == [("cut", "0.25", "metered")]


@pytest.mark.parametrize(
    ("estimate", "held"), [("0.1", "0.25"), ("0.4", "0.4"), ("0.6", "0.5"), ("9", "0.5")]
)
async def test_an_estimate_raises_the_hold(house, estimate, held):
    one = await house(max_hold=500_000)
    rehearsed = await one.call(post({"X-Caracal-Estimated-Cost": estimate}))
    assert rehearsed.exchange.held == usd(held)


async def test_what_a_trusted_upstream_states_is_due_and_the_reply_is_not_cut(house):
    """It stood in the head: it is spent, and nothing is left to save."""
    one = await house(on_overrun="cut")
    one.upstream.trust_actual_cost = True
    fields = (*METERED, ("x-caracal-actual-cost", "0.9"))
    one.upstream.will(Answer(headers=fields, chunks=(b"x" * 20, b"x" * 20, b".")))
    rehearsed = await one.call(post())
    assert ended(one) == [("reply", "0.9", "stated")]
    assert rehearsed.body.endswith(b".")


async def test_an_estimate_is_a_hint_and_does_not_raise_a_flat_price():
    """Nothing says that the call did cost more than its price, which the entry names."""

    class Flat(Tariff):
        async def quote(self, request, route, principal):
            return Quote(usd("0.25"), price="flat@7")

    terms = a_route(tariff="test-tariff", max_hold=500_000).terms
    async with Rehearsal(terms=terms, tariff=Flat()) as one:
        one.ledger.limit("test-agent", usd("1"))
        rehearsed = await one.call(post({"X-Caracal-Estimated-Cost": "0.4"}))
        assert rehearsed.exchange.held == usd("0.4")
    assert ended(one) == [("reply", "0.25", "held")]


async def test_an_estimate_that_is_none_is_400_and_holds_nothing(house):
    one = await house(max_hold=500_000)
    rehearsed = await one.call(post({"X-Caracal-Estimated-Cost": "1e3"}))
    assert (rehearsed.status, ended(one), one.upstream.received) == (400, [], [])


async def test_a_trusted_upstream_states_the_cost_before_the_reply(house):
    one = await house()
    one.upstream.trust_actual_cost = True
    one.upstream.will(Answer(headers=(*METERED, ("x-caracal-actual-cost", "0.123456"))))
    rehearsed = await one.call(post())
    assert ended(one) == [("reply", "0.123456", "stated")]
    assert rehearsed.headers.get("x-caracal-cost") == "0.123456"
    assert rehearsed.headers.get("x-caracal-actual-cost") is None


async def test_what_a_trusted_upstream_states_wrongly_is_counted_and_the_hold_posted(house):
    one = await house()
    one.upstream.trust_actual_cost = True
    one.upstream.will(Answer(headers=(("x-caracal-actual-cost", "-1"),)))
    await one.call(post())
    assert ended(one) == [("reply", "0.25", "unmetered")]
    assert one.misstated.value == 1


async def test_an_untrusted_one_states_nothing(house):
    one = await house()
    one.upstream.will(Answer(headers=(("x-caracal-actual-cost", "0"),)))
    rehearsed = await one.call(post())
    assert ended(one) == [("reply", "0.25", "unmetered")]
    assert rehearsed.headers.get("x-caracal-actual-cost") is None


async def test_a_key_is_charged_once_whatever_became_of_the_reply(house):
    one = await house()
    one.upstream.will(Cut())
    first = await one.call(post(KEY))
    again = await one.call(post(KEY))
    assert (again.status, again.error.code) == (409, "already_charged")
    assert again.error.members() == {"charge": first.exchange.charge}
    assert len(one.upstream.received) == 1
    assert one.ledger.spent("test-agent") == usd("0.25")


async def test_a_voided_attempt_is_tried_again_under_the_same_charge(house):
    one = await house()
    one.upstream.will(Reset(), Reset())
    first, again, second = [await one.call(post(KEY)) for _ in range(3)]
    assert (first.status, again.status, second.status) == (502, 502, 200)
    assert first.exchange.charge == again.exchange.charge == second.exchange.charge
    assert not one.ledger.pending
    assert second.headers.get("x-caracal-charge-id") == first.exchange.charge
    keys = {received.headers.get("idempotency-key") for received in one.upstream.received}
    assert len(keys) == 1
    assert "order-1" not in keys


async def test_another_body_under_the_same_key_is_409(house):
    one = await house()
    await one.call(post(KEY))
    other = await one.call(post(KEY, body=b"{ }"))
    assert (other.status, other.error.code) == (409, "idempotency_key_reused")
    assert other.headers.get("x-should-retry") == "false"


async def test_an_attempt_that_meets_one_in_flight_leaves_it_alone(house):
    one = await house()
    one.upstream.will(Hold())
    first = asyncio.ensure_future(one.call(post(KEY)))
    await one.upstream.begun()
    second = await one.call(post(KEY))
    assert isinstance(second.error, IdempotencyConflict)
    assert second.error.code == "idempotency_in_flight"
    assert len(one.ledger.pending) == 1
    first.cancel()
    await asyncio.wait([first])
    assert ended(one)[-1] == ("client_gone", "0.25", "unmetered")


async def test_the_body_that_came_with_a_key_goes_on_whole(house):
    one = await house()
    one.upstream.will(Echo())
    assert (await one.call(post(KEY, body=b"abc"))).body == b"/x\nabc"


@pytest.mark.parametrize("key", ["", "k" * 256, "\xe9"])
async def test_what_is_no_key_is_400_on_a_priced_route_only(house, key):
    one = await house()
    assert (await one.call(post({"Idempotency-Key": key}))).status == 400
    async with Rehearsal() as free:
        assert (await free.call(post({"Idempotency-Key": key}))).status == 200


class Departing:
    """An upstream's metered reply that pauses until the test goes on.

    Attributes:
        left: set once the upstream was cancelled or had ended.
    """

    reply_seconds = 5.0

    def __init__(self, *rest):
        self.rest, self.go_on, self.left = rest, asyncio.Event(), asyncio.Event()

    def send(self, request, route, on_sent):
        self.on_sent = on_sent
        return self

    async def __aenter__(self):
        self.on_sent()
        return Reply(200, Headers(METERED), self.body(), 9)

    async def __aexit__(self, *_):
        self.left.set()

    async def body(self):
        yield b"four"
        await self.go_on.wait()
        for data in self.rest:
            yield data


@pytest.mark.parametrize(
    ("rest", "settle", "expected"),
    [
        ((b"x" * 30, b"."), {"on_overrun": "cut"}, ("cut", "0.25", "metered")),
        ((b"teen.",), {}, ("client_gone", "0.09", "metered")),
        ((b"te", b"en"), {}, ("client_gone", "0.08", "metered")),
        ((b"." * 2**20, b"more"), {}, ("client_gone", "10485.8", "metered")),
        ((b"x" * 2**20, b"."), {}, ("client_gone", "0.25", "unmetered")),
        ((b"teen.",), {"client_gone": "void"}, ("client_gone", "0", None)),
    ],
)
async def test_a_reply_whose_client_hangs_up_is_read_on_to_its_usage(rest, settle, expected):
    upstream = Departing(*rest)
    rule = settle.get("on_overrun", "post")
    rules = Settle(client_gone=settle.get("client_gone", "post"))
    terms = a_route(tariff="test-tariff", settle=rules, on_overrun=rule).terms
    parts = {"tariff": Tariff(), "meters": [Meter()], "upstreams": {"test-upstream": upstream}}
    async with Rehearsal(terms=terms, **parts) as one:
        one.ledger.limit("test-agent", usd("1"))
        got = asyncio.Event()

        async def deliver(reply, settle):
            async for _ in reply.body:
                got.set()

        exchange = asyncio.ensure_future(one.gateway.exchange(post(), deliver))
        await got.wait()
        for _ in range(3):
            exchange.cancel()
            await asyncio.sleep(0)
        upstream.go_on.set()
        await asyncio.wait([exchange])
        assert exchange.cancelled()
        assert upstream.left.is_set()
        assert ended(one) == [expected]
        assert not one.ledger.pending


async def test_a_cost_that_cannot_be_said_is_the_hold(house, monkeypatch, caplog):
    """A hold that did not end would be renewed, and charged in the end by the rule for orphans."""

    def collapse(bill, cause):
        raise RuntimeError("s3cret")

    one = await house()
    monkeypatch.setattr(Bill, "of", collapse)
    one.upstream.will(Answer(headers=METERED, chunks=(b"four", b"teen.")))
    await one.call(post())
    assert ended(one) == [("cut", "0.25", "unmetered")]
    assert "RuntimeError" in caplog.text
    assert "s3cret" not in caplog.text
