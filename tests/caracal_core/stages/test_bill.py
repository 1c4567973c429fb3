"""What an ending costs: the rule first, then what the upstream, the meter and the hold say."""

import pytest

from caracal_core.domain import Headers, Money, Quote, Reply, Settle
from caracal_core.stages.bill import Bill, Cost
from caracal_core.stages.metering import Metering
from caracal_core.testing.fakes import a_route, usd
from caracal_core.testing.fakes.script import stream
from caracal_core.testing.fakes.services import FakeCounter

HELD = usd("0.25")
FREE = Cost(usd("0"), "")
JUNK = ["NaN", "-1", "1e999", "0.1e1", "", str(2**63), "0.1, 0.1", "0.1 EUR", "$1", "9" * 30]


class _Meter:
    """Knows at once, by what the reply says."""

    def __init__(self, cost, complete=True):
        self._cost, self.complete = cost, complete

    def recognise(self, reply, route, quote):
        return self

    def feed(self, data):
        return data

    def cost(self):
        return self._cost

    def known(self, delivered):
        return self._cost


class _Scale(_Meter):
    """Counts the same for each byte, and never knows all."""

    def __init__(self, cost):
        super().__init__(cost, complete=False)

    def known(self, delivered):
        return Money(self._cost.micro * delivered, "USD")


def bill(*meters, stated=None, expected=False, status=200, misstated=None, **settle):
    """Return the bill of a call whose reply is here."""
    bill = Bill(Quote(HELD, metered=expected), a_route(settle=Settle(**settle)))
    reply = Reply(status, Headers(), stream([b"x"]), actual_cost=stated)
    bill.answered(reply, misstated or FakeCounter())
    bill.deliver(reply, Metering(meters))
    return bill


def test_without_a_meter_it_costs_what_was_held():
    assert bill().of("reply") == Cost(HELD, "held")
    assert bill().foreseen == HELD


def test_where_a_meter_was_expected_and_none_read_it_is_marked():
    assert bill(expected=True).of("reply") == Cost(HELD, "unmetered")
    assert bill(_Meter(None)).of("reply") == Cost(HELD, "unmetered")
    assert bill(_Meter(usd("0.1"), complete=False)).of("client_gone") == Cost(HELD, "unmetered")


@pytest.mark.parametrize("cause", ["reply", "client_gone", "cut"])
def test_what_is_known_to_be_spent_is_due_though_not_all_is_known(cause):
    """Who leaves before the end does not pay less than what was counted and said by then."""
    assert bill(_Meter(usd("9"), complete=False)).of(cause) == Cost(usd("9"), "metered")


@pytest.mark.parametrize("cause", ["reply", "client_gone", "cut"])
def test_what_the_meter_read_whole_is_the_cost_however_it_ended(cause):
    assert bill(_Meter(usd("0.3"))).of(cause) == Cost(usd("0.3"), "metered")


def test_what_a_meter_will_read_is_not_foreseen():
    assert bill(_Meter(usd("0.3"))).foreseen is None


@pytest.mark.parametrize("cause", ["reply", "client_gone", "cut"])
@pytest.mark.parametrize("stated", ["0", "0.1", "7"])
def test_what_a_trusted_upstream_states_goes_before_the_meter(stated, cause):
    one = bill(_Meter(usd("0.3")), stated=stated)
    assert one.of(cause) == Cost(usd(stated), "stated")
    assert one.foreseen == usd(stated)
    assert not one.waits_for_usage


@pytest.mark.parametrize("stated", JUNK)
def test_a_stated_cost_that_is_none_is_told_and_the_hold_is_due(stated, caplog):
    misstated = FakeCounter()
    one = bill(_Meter(usd("0.3")), stated=stated, misstated=misstated)
    assert one.of("reply") == Cost(HELD, "unmetered")
    assert misstated.value == 1
    assert "test-upstream states a cost that is no amount, on route test-route;" in caplog.text
    assert not stated or stated not in caplog.text


@pytest.mark.parametrize("cause", ["client_gone", "upstream_failed", "cut"])
@pytest.mark.parametrize("stated", [None, "7"])
def test_where_the_route_says_void_nothing_is_due(cause, stated):
    assert bill(_Meter(usd("1")), stated=stated, **{cause: "void"}).of(cause) == FREE


def test_an_error_is_free_or_costs_by_the_routes_rule():
    assert bill(status=500).of("reply") == FREE
    assert bill(status=500).foreseen == usd("0")
    assert bill(_Meter(usd("1")), status=400).foreseen == usd("0")
    assert bill(status=500, error_status="post").of("reply") == Cost(HELD, "held")


@pytest.mark.parametrize("ending", ["reply", "client_gone", "cut"])
def test_an_error_that_is_void_is_void_however_its_reply_ended(ending):
    """Its status stood in the head: nobody pays for not listening to the end."""
    void = bill(_Meter(usd("1"), complete=False), status=500, stated="7")
    assert void.of(ending) == FREE
    assert void.settles_by(ending) == "error_status"
    assert not bill(_Meter(None, complete=False), status=500).waits_for_usage

    posted = bill(status=500, error_status="post")
    assert posted.of(ending) == Cost(HELD, "held")
    assert posted.settles_by(ending) == ("error_status" if ending == "reply" else ending)
    assert bill(status=200).settles_by(ending) == ending


def test_the_upstreams_status_counts_before_anybody_looked_at_the_reply():
    """A filter that breaks at an error does not make it dear."""
    one = Bill(Quote(HELD), a_route())
    one.answered(Reply(503, Headers(), stream([])), FakeCounter())
    assert one.of("cut") == FREE


async def test_an_error_that_is_void_is_not_cut_at_its_hold():
    one = Bill(Quote(HELD, metered=True), a_route(on_overrun="cut"))
    one.deliver(Reply(500, Headers(), stream([b"x"])), Metering([_Scale(usd("9"))]))
    assert [data async for data in one.metered] == [b"x"]
    assert one.of("reply") == FREE


def test_before_anything_was_sent_nothing_is_due():
    assert bill(stated="7").of("not_sent") == FREE


@pytest.mark.parametrize("rule", ["post", "void"])
def test_usage_is_waited_for_only_where_it_would_be_posted(rule):
    def waits(*meters, **how):
        one = bill(*meters, client_gone=rule, **{"expected": True} | how)
        return one.expects_usage, one.waits_for_usage

    posts = rule == "post"
    assert waits(_Meter(None, complete=False)) == (posts, posts)
    assert waits(_Meter(None, complete=True)) == (posts, False)
    assert waits(_Meter(None, complete=False), stated="0.1") == (posts, False)
    assert waits() == (posts, False)
    assert waits(_Meter(None, complete=False), expected=False) == (False, False)


@pytest.mark.parametrize(
    ("meter", "due"), [(_Scale(usd("9")), HELD), (_Meter(usd("9"), complete=False), usd("9"))]
)
async def test_a_reply_that_was_cut_at_its_hold_costs_the_hold_whatever_the_rule(meter, due):
    """Or a reply could be read for nothing but its last bytes; and more where it says so itself."""
    quote = Quote(HELD, metered=True)
    one = Bill(quote, a_route(settle=Settle(cut="void"), on_overrun="cut"))
    one.deliver(Reply(200, Headers(), stream([b"x"])), Metering([meter]))
    with pytest.raises(Exception, match="reached"):
        await anext(one.metered)
    assert one.overran
    assert one.of("cut") == Cost(due, "metered")


async def test_a_stated_cost_that_is_none_does_not_keep_a_reply_from_being_cut_at_its_hold():
    one = Bill(Quote(HELD, metered=True), a_route(on_overrun="cut"))
    reply = Reply(200, Headers(), stream([b"x"]), actual_cost="NaN")
    one.answered(reply, FakeCounter())
    one.deliver(reply, Metering([_Meter(usd("9"), complete=False)]))
    with pytest.raises(Exception, match="reached"):
        await anext(one.metered)
    assert one.of("cut") == Cost(HELD, "unmetered")


@pytest.mark.parametrize(
    ("expected", "stated", "due"),
    [
        (False, None, Cost(HELD, "held")),
        (True, None, Cost(usd("0.4"), "unmetered")),
        (False, "NaN", Cost(usd("0.4"), "unmetered")),
    ],
)
def test_what_an_estimate_raised_is_due_only_where_the_cost_should_have_been_learnt(
    expected, stated, due
):
    one = Bill(Quote(HELD, metered=expected), a_route(), held=usd("0.4"))
    reply = Reply(200, Headers(), stream([b"x"]), actual_cost=stated)
    one.answered(reply, FakeCounter())
    one.deliver(reply, Metering([]))
    assert one.of("reply") == due
    assert one.foreseen == due.amount
