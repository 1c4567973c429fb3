"""The meter's contract: an honest one passes it, and each way to misread is caught."""

import pytest

from caracal_core.domain import Quote
from caracal_core.testing.contracts import MeterContract
from caracal_core.testing.contracts.meter import Metered
from caracal_core.testing.fakes import a_route, usd

KIND = (("content-type", "text/cost"),)
CASES = [
    Metered(b"much text and then cost=0.25;", usd("0.25"), KIND),
    Metered(b"cost=1; and then text", usd("1"), KIND),
    Metered(b"no price at all", None, KIND),
]
QUOTE = Quote(usd("1"), metered=True)
FOREIGN = [Metered(b"cost=1;", None)]


class _Reading:
    """Finds ``cost=<decimal>;`` in a text."""

    def __init__(self):
        self.seen = b""

    @property
    def complete(self):
        return self.cost() is not None

    def feed(self, data):
        self.seen += data
        return data

    def cost(self):
        cost, found, _ = self.seen.partition(b"cost=")[2].partition(b";")
        return usd(cost.decode()) if found else None

    def known(self, delivered):
        return self.cost()


class _Honest:
    """Reads replies of one content type."""

    reading = _Reading

    def recognise(self, reply, route, quote):
        return self.reading() if reply.headers.get("content-type") == "text/cost" else None


class TestHonestMeter(MeterContract):
    """The contract can be kept."""

    @pytest.fixture
    def meter(self):
        return _Honest()

    @pytest.fixture
    def metered(self):
        return CASES

    @pytest.fixture
    def foreign(self):
        return FOREIGN


class _LastChunk(_Reading):
    def feed(self, data):
        self.seen = data
        return data


class _OnceOnly(_Reading):
    def cost(self):
        cost, self.seen = super().cost(), b""
        return cost


class _Strict(_Reading):
    def feed(self, data):
        self.seen += data.decode("ascii").encode()
        return data


class _Swallowing(_Reading):
    def feed(self, data):
        return super().feed(data).replace(b"cost", b"")


class _Hasty(_Reading):
    complete = True


class _Estimating(_Reading):
    """Takes every byte for a cent until it knows better."""

    def cost(self):
        return super().cost() or usd(str(len(self.seen)))


class _Charging(_Reading):
    """Charges for what the client did not get."""

    def known(self, delivered):
        return usd(str(len(self.seen) - delivered))


class _Unfair(_Honest):
    reading = _Charging


class _Patchy(_Honest):
    reading = _LastChunk


class _Absent(_Honest):
    reading = _OnceOnly


class _Prim(_Honest):
    reading = _Strict


class _Thievish(_Honest):
    reading = _Swallowing


class _Early(_Honest):
    reading = _Hasty


class _Guessing(_Honest):
    reading = _Estimating


class _Greedy(_Honest):
    def recognise(self, reply, route, quote):
        return _Reading()


class _Single(_Honest):
    def __init__(self):
        self.one = _Reading()

    def recognise(self, reply, route, quote):
        return self.one if super().recognise(reply, route, quote) else None


@pytest.mark.parametrize(
    ("meter", "test"),
    [
        (_Single, "test_it_recognises_its_replies"),
        (_Greedy, "test_it_leaves_foreign_replies_alone"),
        (_Patchy, "test_it_reads_the_cost_however_the_body_is_cut"),
        (_Thievish, "test_the_client_gets_the_reply_however_it_is_cut"),
        (_Early, "test_what_comes_after_it_is_complete_changes_nothing"),
        (_Guessing, "test_what_is_known_so_far_never_falls"),
        (_Unfair, "test_what_the_client_did_not_get_makes_nothing_dearer"),
        (_Absent, "test_asking_twice_reads_the_same"),
        (_Single, "test_simultaneous_readings_do_not_mix"),
        (_Prim, "test_a_body_that_makes_no_sense_is_survived"),
    ],
)
async def test_a_faulty_meter_is_caught(fails, meter, test):
    def make():
        return {
            "meter": meter(),
            "metered": CASES,
            "foreign": FOREIGN,
            "route": a_route(),
            "quote": QUOTE,
        }

    assert await fails(MeterContract, test, make)
