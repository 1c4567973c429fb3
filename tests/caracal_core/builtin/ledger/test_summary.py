"""Sums are those of the entries to the micro-unit, whatever is sealed or asked for."""

from __future__ import annotations

import itertools
import math
import os
import random

import pytest

from caracal_core.builtin.ledger.entries import every
from caracal_core.builtin.ledger.sealing.days import DAY_SECONDS
from caracal_core.builtin.ledger.sealing.sealer import Sealer, seal
from caracal_core.builtin.ledger.selection import Selection
from caracal_core.builtin.ledger.settling import End
from caracal_core.builtin.ledger.summary import Spans, Sum, Total, cut, summary
from caracal_core.builtin.ledger.writing import settle
from caracal_core.domain import Money
from caracal_core.domain.money import LARGEST, MICRO
from caracal_core.storage import accounts
from caracal_core.storage.accounts import AccountError
from caracal_core.testing.fakes import usd

MIDNIGHT = 1_795_392_000.0
"""2026-11-23T00:00:00Z."""
ROUNDS = int(os.environ.get("CARACAL_EXAMPLES", "100"))
SEED = int(os.environ.get("CARACAL_SEED", random.SystemRandom().randrange(2**32)))
ENTER = """
INSERT INTO entries (charge, kind, agent, route, request, currency, held_micro, amount_micro,
                     cause, created_at)
VALUES ($1, $2, $3, $4, '', $5, 0, $6, 'reply', $7)
"""
TREE = {"org": None, "team": "org", "other": "org", "alice": "team", "bob": "other", "carol": "org"}
BELOW = {
    "org": set(TREE),
    "team": {"team", "alice"},
    "other": {"other", "bob"},
    "bob": {"bob"},
}


@pytest.fixture(params=[False, True], ids=["unsealed", "sealed"])
async def settled(database, request):
    """Seal, or do not."""

    async def settled():
        if request.param:
            assert await Sealer(database, 2).seal()

    return settled


async def test_sums_are_by_agent_and_currency(database, spend, settled):
    """Calls are what was posted; adjustments add money, not calls; open holds stand apart."""
    await spend("alice", "0.25")
    await spend("alice", "0.000001")
    voided = await spend("alice", None)
    await settle(database, End(voided.id, "reply", usd("0.5")), MIDNIGHT)
    await spend("alice", False, held="2.5")
    await spend("alice", "3", currency="EUR")
    await spend("bob", None)
    await settled()

    def total(decimal, currency="USD"):
        return Total(Money.parse(decimal, currency).micro, currency)

    eur = [total(amount, "EUR") for amount in ("3", "0", "1")]
    assert await summary(database, "agent", limit=10) == [
        Sum("alice", "EUR", 1, 0, eur[0], eur[1], 0, eur[2]),
        Sum("alice", "USD", 2, 1, total("0.750001"), total("2.5"), 1, total("3")),
        Sum("bob", "USD", 0, 1, total("0"), total("0"), 0, total("1")),
    ]
    assert len(await summary(database, "agent", limit=2)) == 2


async def test_sums_by_route_and_by_day(database, spend, settled):
    """Days are in UTC."""
    await spend("alice", "1", MIDNIGHT - 0.5, "search")
    await spend("bob", "2", MIDNIGHT, "chat")
    await spend("bob", False, MIDNIGHT + 86_399, "chat", held="3")
    await settled()

    async def sums(by, **chosen):
        found = await summary(database, by, Selection(**chosen), limit=10)
        return [(each.name, each.posted.decimal, each.held.decimal) for each in found]

    assert await sums("route") == [("chat", "2", "3"), ("search", "1", "0")]
    assert await sums("day") == [("2026-11-22", "1", "0"), ("2026-11-23", "2", "3")]
    assert await sums("day", since=MIDNIGHT) == [("2026-11-23", "2", "3")]
    assert await sums("day", until=MIDNIGHT) == [("2026-11-22", "1", "0")]


async def test_those_that_spent_the_most_come_first_where_that_is_asked_for(
    database, spend, settled
):
    await spend("alice", "0.4")
    for _ in range(3):
        await spend("bob", "0.6")
    await settled()
    found = await summary(database, "agent", limit=2, order="most")
    assert [(each.name, each.posted.decimal) for each in found] == [
        ("bob", "1.8"),
        ("alice", "0.4"),
    ]


async def test_a_subtree_that_is_none_is_said_to_be_none(database):
    with pytest.raises(AccountError, match="nobody"):
        await summary(database, "agent", Selection(under="nobody"), limit=1)


async def test_sums_of_the_largest_amounts_do_not_overflow(database, spend, give_budget, settled):
    """They are exact, also past the largest amount."""
    await give_budget("alice", Money(LARGEST, "USD"))
    half = Money(LARGEST // 2, "USD").decimal
    for _ in range(2):
        await spend("alice", half)
    await settled()
    (exact,) = await summary(database, "agent", limit=10)
    assert exact.posted == Total(LARGEST - 1, "USD")
    await spend("bob", half)
    await spend("alice", "1", held="0.000001")
    await settled()
    found = {each.name: each.posted for each in await summary(database, "agent", limit=10)}
    assert found == {
        "alice": Total(LARGEST - 1 + MICRO, "USD"),
        "bob": Total(LARGEST // 2, "USD"),
    }


async def test_a_full_sum_of_a_day_stays_full(database, spend):
    """Instead of failing every seal after it, or turning into a float."""
    await spend("alice", "1")
    await Sealer(database, 10).seal()
    await database.execute("UPDATE spend_days SET amount_whole = 9223372036854775807, calls = 7")
    await spend("alice", "1.5")
    await Sealer(database, 10).seal()
    (row,) = await database.fetch("SELECT * FROM spend_days")
    assert (row["amount_whole"], row["amount_rest"], row["calls"]) == (2**63 - 1, 500_000, 8)


@pytest.mark.parametrize(
    ("since", "until", "spans"),
    [
        (None, None, (-(2**31) + 1, 2**31 - 1, None, None)),
        (0.0, 2 * DAY_SECONDS, (0, 2, None, None)),
        (0.5, None, (1, 2**31 - 1, (0, 0.5, DAY_SECONDS), None)),
        (None, 0.5, (-(2**31) + 1, 0, None, (0, 0, 0.5))),
        (10.0, 20.0, (1, 0, (0, 10, 20), None)),
        (
            10.0,
            2 * DAY_SECONDS + 5.0,
            (1, 2, (0, 10, DAY_SECONDS), (2, 2 * DAY_SECONDS, 2 * DAY_SECONDS + 5)),
        ),
        (float(DAY_SECONDS), DAY_SECONDS + 5.0, (1, 1, None, (1, DAY_SECONDS, DAY_SECONDS + 5))),
        (1e300, None, (2**31 - 1, 2**31 - 1, None, None)),
    ],
)  # fmt: skip
def test_a_span_is_cut_into_whole_days_and_parts(since, until, spans):
    first, end, *parts = spans
    none = (None, None, None)
    assert cut(since, until) == Spans(first, end, tuple(part or none for part in parts))


class Dice:
    """Makes up entries and questions.

    Args:
        seed: makes up the same again.
    """

    def __init__(self, seed):
        self._random = random.Random(seed)
        self.pick = self._random.choice
        self._numbers = itertools.count()

    def moment(self):
        day = self.pick([float, self._random.uniform])
        whole = self._random.randint(-8, 12) / 4
        return MIDNIGHT + DAY_SECONDS * (whole if day is float else self._random.uniform(-2, 3))

    def entry(self):
        kind = self.pick(["posted", "posted", "voided", "adjustment"])
        largest = self.pick([10, 10**7, 2**62])
        return (
            f"{next(self._numbers)}",
            kind,
            self.pick(["alice", "bob", "carol", ""]),
            self.pick(["chat", "search"]),
            self.pick(["USD", "USD", "EUR"]),
            0 if kind == "voided" else self._random.randint(0, largest),
            self.moment(),
        )

    def selection(self):
        return Selection(
            agent=self.pick([None, None, "alice", "bob", "carol"]),
            under=self.pick([None, None, *BELOW]),
            route=self.pick([None, None, "chat"]),
            since=self.pick([None, self.moment()]),
            until=self.pick([None, self.moment()]),
        )


def _expected(entries, by, which):
    """Sum up entries one by one."""
    sums = {}
    for entry in entries:
        if which.under and entry.agent not in BELOW[which.under]:
            continue
        if (which.agent or entry.agent) != entry.agent or (
            which.route or entry.route
        ) != entry.route:
            continue
        if not (which.since or -math.inf) <= entry.created_at < (which.until or math.inf):
            continue
        day = int(entry.created_at // DAY_SECONDS)
        key = (day if by == "day" else getattr(entry, by), entry.amount.currency)
        calls, posted = sums.get(key, (0, 0))
        sums[key] = calls + (entry.kind == "posted"), posted + entry.amount.micro
    return sorted((currency, calls, posted) for (_, currency), (calls, posted) in sums.items())


async def test_it_is_the_sum_of_the_entries(database):
    """On both databases, sealed or not, for any part of any day."""
    dice = Dice(SEED)
    for name, parent in TREE.items():
        await accounts.register(database, name, kind="group", parent=parent)
    for _ in range(ROUNDS):
        for _ in range(dice.pick([0, 1, 5])):
            await database.execute(ENTER, *dice.entry())
        if dice.pick([True, False]):
            await seal(database, 10**9, dice.pick([1, 3, 100]))
        which, by = dice.selection(), dice.pick(["agent", "route", "day"])
        entries = [entry async for page in every(database) for entry in page]
        found = await summary(database, by, which, limit=100_000)
        sums = sorted((each.currency, each.calls, each.posted.micro) for each in found)
        assert sums == _expected(entries, by, which), f"{by}, {which}, seed {SEED}"
    (last,) = await database.fetch("SELECT max(last_id) AS id FROM seals")
    assert last["id"] > 0
