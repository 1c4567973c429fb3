"""The operator is told what happened to money, once for each time it happened."""

from __future__ import annotations

import logging

import pytest

from caracal_core.builtin.ledger.expiry import Resolved
from caracal_core.builtin.ledger.settling import End, Settlement
from caracal_core.builtin.ledger.tally import Tally
from caracal_core.domain import Money, Receipt
from caracal_core.domain.money import LARGEST, MICRO
from caracal_core.errors import Failure
from caracal_core.testing.fakes import FakeMetrics, usd

COUNTERS = [
    ("posted", {}),
    ("voided", {}),
    ("refused", {}),
    ("turned_away", {}),
    ("failed", {}),
    ("put_off", {}),
    ("overrun", {}),
    ("unmetered", {}),
    ("adjusted", {}),
    ("unknown", {}),
    ("expired", {"state": "posted"}),
    ("expired", {"state": "voided"}),
]
POST, VOID = End("x", "reply", usd("1")), End("x", "not_sent")
POSTED = Receipt("x", "posted", usd("1"), "reply")
VOIDED = Receipt("x", "voided", usd("0"), "not_sent")


@pytest.fixture
def metrics():
    return FakeMetrics()


@pytest.fixture
def tally(metrics):
    return Tally(metrics, logging.getLogger("test.tally"))


@pytest.fixture
def counted(metrics, tally):
    """Read the counters that moved."""

    def read():
        tally.publish()
        counts = {" ".join([name, *labels.values()]): metrics.counted(name, **labels)
                  for name, labels in COUNTERS}  # fmt: skip
        return {name: count for name, count in counts.items() if count}

    return read


@pytest.mark.parametrize(
    ("end", "settlement", "moved", "said"),
    [
        (POST, Settlement(POSTED, "ended"), {"posted": 1}, ""),
        (VOID, Settlement(VOIDED, "ended"), {"voided": 1}, ""),
        (POST, Settlement(POSTED, "repeated"), {}, ""),
        (VOID, Settlement(POSTED, "repeated"), {}, ""),
        (VOID, Settlement(VOIDED, "unknown"), {}, ""),
        (POST, Settlement(POSTED, "ended", True), {"posted": 1, "overrun": 1}, "more than was"),
        (
            End("x", "reply", usd("1"), "unmetered"),
            Settlement(POSTED, "ended"),
            {"posted": 1, "unmetered": 1},
            "",
        ),
        (POST, Settlement(VOIDED, "adjusted"), {"adjusted": 1}, "cost 1 USD after its end"),
        (POST, Settlement(POSTED, "unknown"), {"unknown": 1}, "no hold is known"),
        (
            End("x", "reply", Money(5, "EUR")),
            Settlement(POSTED, "ended"),
            {"posted": 1},
            "cost 0.000005 EUR; posted its hold of 1 USD",
        ),
    ],
)
def test_an_ending_is_counted_by_what_it_did(tally, counted, caplog, end, settlement, moved, said):
    """Repetitions and endings of what was never held count as nothing."""
    tally.settled(end, settlement)
    assert counted() == moved
    assert said in caplog.text
    assert bool(said) == bool(caplog.text)


def test_refusals_and_holds_turned_away_are_counted_apart(tally, counted):
    tally.refused(usd("1"))
    tally.turned_away()
    assert counted() == {"refused": 1, "turned_away": 1}


def test_holds_nobody_renewed_are_counted_by_their_end_and_some_are_named(
    tally, counted, metrics, caplog
):
    """One line for a batch, however large."""
    states = ["voided", *["posted"] * 999]
    holds = [Resolved(f"id-{n}", each, "orphan", usd("0.5")) for n, each in enumerate(states)]
    tally.resolved(holds)
    assert counted() == {"expired posted": 999, "expired voided": 1}
    amounts = [
        metrics.counted(f"expired_{end}_amount", currency="USD") for end in ("posted", "voided")
    ]
    assert amounts == [499.5, 0.5]
    (record,) = caplog.records
    assert "1000 holds" in record.getMessage()
    assert "id-0" in record.getMessage()
    assert len(record.getMessage()) < 300


def test_a_store_that_fails_is_logged_once_and_again_when_it_works(tally, counted, caplog):
    """Each failure is counted; what a stranger's error says is not written down."""
    caplog.set_level("INFO")
    tally.failed(Failure("storage", "no connection"))
    tally.failed(Failure("storage", "no connection"))
    tally.worked()
    tally.worked()
    tally.failed(OSError("secret"))
    assert counted() == {"failed": 3}
    messages = [record.getMessage() for record in caplog.records]
    assert ["no connection" in messages[0], "again" in messages[1], "OSError" in messages[2]]
    assert len(messages) == 3
    assert "secret" not in caplog.text


def test_what_is_put_off_is_no_failure_of_the_store(tally, counted, caplog):
    """Whoever keeps a row locked is told of elsewhere, once."""
    tally.put_off()
    assert counted() == {"put_off": 1}
    assert caplog.text == ""


def test_every_counter_is_there_from_the_start(metrics, tally):
    """A dashboard shows zero, not nothing."""
    assert len(metrics._counters) == len(COUNTERS)


def test_amounts_are_counted_once_for_each_time_that_money_moved(tally, metrics):
    """Posted, above the hold, given back, refused; nothing where an end was a repetition."""
    tally.held(usd("3"))
    tally.refused(usd("9"))
    tally.settled(POST, Settlement(POSTED, "ended"), usd("0.75"))
    tally.settled(POST, Settlement(POSTED, "ended"), usd("2"))
    tally.settled(POST, Settlement(POSTED, "ended"))  # of an earlier process's hold
    tally.settled(POST, Settlement(POSTED, "repeated"), usd("2"))
    tally.settled(VOID, Settlement(VOIDED, "ended"), usd("0.5"))
    tally.settled(VOID, Settlement(VOIDED, "ended"))
    tally.publish()
    tally.publish()  # nothing moved since
    kinds = ("held", "refused", "posted", "overrun", "voided")
    assert {kind: metrics.counted(f"{kind}_amount", currency="USD") for kind in kinds} == {
        "held": 3,
        "refused": 9,
        "posted": 3,
        "overrun": 0.25,
        "voided": 0.5,
    }


def test_the_amounts_of_a_batch_may_be_more_than_any_money_can_be(tally, metrics):
    """Each is as large as amounts may be, and their sum is no amount."""
    largest = Money(LARGEST, "USD")
    for _ in range(2):
        tally.held(largest)
        tally.settled(POST, Settlement(Receipt("x", "posted", largest, "reply"), "ended"), largest)
        tally.settled(VOID, Settlement(VOIDED, "ended"), largest)
    tally.publish()
    sums = {
        metrics.counted(f"{kind}_amount", currency="USD") for kind in ("held", "posted", "voided")
    }
    assert sums == {2 * LARGEST / MICRO}
