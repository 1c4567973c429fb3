"""The store does what a plain dict says, for any sequence of steps, on both databases."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from secrets import token_hex

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from caracal_core.builtin.ledger.budgets import budgets
from caracal_core.builtin.ledger.errors import Conflict
from caracal_core.builtin.ledger.expiry import renew, resolve
from caracal_core.builtin.ledger.settling import End
from caracal_core.builtin.ledger.store import BookStore
from caracal_core.builtin.ledger.writing import reserve, settle
from caracal_core.domain import Charge, Money
from caracal_core.errors import BudgetExceeded
from caracal_core.storage.database import open_database
from caracal_core.testing.fakes import a_charge, usd

START = datetime(2026, 1, 31, 22, 50, tzinfo=UTC).timestamp()
"""Ten minutes before an hour, seventy before a day, a week and a month end."""
SECONDS, LONGEST = 300.0, 600.0
LIMITS = {
    ("a", "hour"): 5,
    ("a", "day"): 8,
    ("b", "week"): 7,
    ("team", "month"): 12,
    ("team", "total"): 20,
}
PATHS = [("a", "team"), ("b", "team"), ("a", "b"), ("c",)]
NOT_THE_OWNERS = {"orphan", "expired"}


def started(period, at):
    hour = datetime.fromtimestamp(at, UTC).replace(minute=0, second=0, microsecond=0)
    day = hour.replace(hour=0)
    week = day - timedelta(days=day.weekday())
    starts = {"hour": hour, "day": day, "week": week, "month": day.replace(day=1)}
    return starts[period].timestamp() if period in starts else 0.0


class Model:
    """The ledger as a plain dict: charges by number, counters by window."""

    def __init__(self):
        self.at = START
        self.charges, self.adjusted = {}, set()
        self.spent, self.held, self.excess = {}, {}, {}

    def count(self, counter, windows, micro):
        for window in windows:
            counter[window] = counter.get(window, 0) + micro
            over = self.spent.get(window, 0) + self.held.get(window, 0) - LIMITS[window[:2]]
            self.excess[window] = max(self.excess.get(window, 0), over)

    def reserve(self, number, path, amount, orphan):
        terms = (path, amount, orphan)
        known = self.charges.get(number)
        if known:
            return "held" if known["state"] == "pending" and known["terms"] == terms else "conflict"
        windows = [
            (account, period, started(period, self.at))
            for account, period in LIMITS
            if account in path
        ]
        short = {
            window[:2]
            for window in windows
            if self.spent.get(window, 0) + self.held.get(window, 0) + amount > LIMITS[window[:2]]
        }
        if short or not windows:
            return short
        self.count(self.held, windows, amount)
        self.charges[number] = {
            "terms": terms, "state": "pending", "posted": 0, "cause": None, "windows": windows,
            "created": self.at, "expires": self.at + SECONDS,
        }  # fmt: skip
        return "held"

    def end(self, number, state, posted, cause):
        charge = self.charges[number]
        charge.update(state=state, posted=posted, cause=cause)
        self.count(self.held, charge["windows"], -charge["terms"][1])
        self.count(self.spent, charge["windows"], posted)

    def settle(self, number, amount, cause):
        state, posted = ("voided", 0) if amount is None else ("posted", amount)
        charge = self.charges.setdefault(
            number, {"terms": None, "state": state, "posted": posted, "cause": cause, "windows": []}
        )
        if charge["state"] == "pending":
            self.end(number, state, posted, cause)
        elif amount is not None and self.is_late(number, amount):
            self.adjusted.add(number)
            self.count(self.spent, charge["windows"], amount - charge["posted"])
        return charge["state"], charge["posted"], charge["cause"]

    def is_late(self, number, amount):
        charge = self.charges[number]
        owners = charge["state"] == "posted" and charge["cause"] not in NOT_THE_OWNERS
        return not owners and number not in self.adjusted and amount > charge["posted"]

    def renew(self):
        for charge in self.charges.values():
            if charge["state"] == "pending" and charge["expires"] < self.at + SECONDS * 0.7:
                charge["expires"] = min(self.at + SECONDS, charge["created"] + LONGEST)

    def resolve(self):
        for number, charge in self.charges.items():
            if charge["state"] == "pending" and charge["expires"] <= self.at:
                cause = "expired" if charge["expires"] >= charge["created"] + LONGEST else "orphan"
                state = "posted" if charge["terms"][2] == "post" else "voided"
                self.end(number, state, charge["terms"][1] if state == "posted" else 0, cause)


class Books:
    """The real ledger, driven by the same steps; its accounts are its own."""

    def __init__(self, database, model):
        self.database, self.model = database, model
        self.tag = token_hex(4)
        self.ids = [token_hex(16) for _ in range(4)]

    def name(self, account):
        return f"{account}-{self.tag}"

    async def reserve(self, number, path, amount, orphan):
        names = tuple(self.name(account) for account in path)
        charge = Charge(
            id=self.ids[number], agent=names[0], accounts=names, amount=Money(amount, "USD"),
            route="r", request="q", expire_seconds=SECONDS, orphan=orphan,
        )  # fmt: skip
        try:
            await reserve(self.database, charge, self.tag, self.model.at)
        except Conflict:
            return "conflict"
        except BudgetExceeded as refusal:
            return (refusal.account.removesuffix(f"-{self.tag}"), refusal.window)
        return "held"

    async def settle(self, number, amount, cause):
        money = None if amount is None else Money(amount, "USD")
        end = End(self.ids[number], cause, money)
        receipt = (await settle(self.database, end, self.model.at)).receipt
        return receipt.state, receipt.amount.micro, receipt.cause

    async def counters(self):
        rows = await self.database.fetch(
            """SELECT a.name, b.period, w.starts_at, w.spent_micro, w.held_micro, w.excess_micro
            FROM budget_windows w JOIN budgets b ON b.id = w.budget_id
            JOIN accounts a ON a.id = b.account_id"""
        )
        return {
            (row["name"].removesuffix(f"-{self.tag}"), row["period"], float(row["starts_at"])): (
                row["spent_micro"], row["held_micro"], row["excess_micro"],
            )
            for row in rows
            if row["name"].endswith(self.tag)
        }  # fmt: skip


NUMBERS = st.integers(0, 3)
STEPS = st.lists(
    st.one_of(
        st.tuples(
            st.just("reserve"),
            NUMBERS,
            st.sampled_from(PATHS),
            st.integers(0, 6),
            st.sampled_from(["post", "void"]),
        ),
        st.tuples(st.just("post"), NUMBERS, st.integers(0, 9)),
        st.tuples(st.just("void"), NUMBERS),
        st.tuples(st.just("wait"), st.sampled_from([1, 150, 300, 300, 4000, 86_400])),
        st.tuples(st.just("renew")),
        st.tuples(st.just("resolve")),
    ),
    min_size=10,
    max_size=40,
)


async def follow(books, step):
    """Do one step in both worlds; whatever they answer is the same."""
    model = books.model
    match step:
        case "reserve", *terms:
            expected, answer = model.reserve(*terms), await books.reserve(*terms)
            if isinstance(expected, set):
                assert answer in (expected or {(terms[1][0], "")})
            else:
                assert answer == expected
        case "post", number, amount:
            expected = model.settle(number, amount, "reply")
            assert await books.settle(number, amount, "reply") == expected
        case "void", number:
            assert await books.settle(number, None, "cut") == model.settle(number, None, "cut")
        case "wait", seconds:
            model.at += seconds
        case ("renew",):
            model.renew()
            await renew(books.database, books.tag, SECONDS, LONGEST, model.at)
        case ("resolve",):
            model.resolve()
            await resolve(books.database, "reaper", 100, LONGEST, model.at)


async def compare(config, steps, balanced_books):
    async with open_database(config) as database:
        books = Books(database, Model())
        for (account, period), limit in LIMITS.items():
            money = Money(limit, "USD")
            await balanced_books.fund(database, books.name(account), money, period=period)
        for step in [*steps, ("wait", 86_400), ("resolve",)]:
            await follow(books, step)
        model = books.model
        touched = {*model.spent, *model.held}
        assert {window: count for window, count in (await books.counters()).items()
                if window in touched} == {
            window: tuple(counter.get(window, 0) for counter in
                          (model.spent, model.held, model.excess))
            for window in touched
        }  # fmt: skip
        assert await balanced_books.wrong(database) == []


@given(steps=STEPS)
@settings(
    max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_any_sequence_of_steps_agrees_with_the_model_on_sqlite(
    sqlite_config, balanced_books, steps
):
    """Reserve, post, void, renew, expire and wait, over every kind of calendar boundary."""
    asyncio.run(compare(sqlite_config, steps, balanced_books))


@given(steps=STEPS)
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_any_sequence_of_steps_agrees_with_the_model_on_postgresql(
    postgres_config, balanced_books, steps
):
    """The same on PostgreSQL."""
    asyncio.run(compare(postgres_config, steps, balanced_books))


@pytest.fixture
async def store(database, give_budget):
    await give_budget("alice", usd("1"))
    return BookStore(database, "owner", seconds=SECONDS, longest=LONGEST)


async def test_the_store_writes_for_one_owner(database, store):
    """Its holds bear its name, and it renews those and no others."""
    await store.write([a_charge(usd("0.1"), "alice", expire_seconds=1)], [])
    other = BookStore(database, "other", seconds=SECONDS, longest=LONGEST)
    assert await other.renew() == 0
    assert await store.renew() == 1
    (row,) = await database.fetch("SELECT owner, expires_at - created_at AS age FROM reservations")
    assert row["owner"] == "owner"
    assert SECONDS <= row["age"] < SECONDS + 60


async def test_the_store_resolves_what_expired_in_other_hands(database, store):
    """Its own, which it has only not renewed yet, stays."""
    charge = a_charge(usd("0.1"), "alice", expire_seconds=0, orphan="void")
    await store.write([charge], [])
    other = BookStore(database, "other", seconds=SECONDS, longest=LONGEST)
    at = await store.now()
    assert await store.resolve(10, at) == []
    assert [hold.id for hold in await other.resolve(10, at)] == [charge.id]


async def test_the_store_resolves_what_had_expired_at_an_instant(database, store):
    """What expired since may be renewed by the next to come."""
    charge = a_charge(usd("0.1"), "alice", expire_seconds=0)
    at = await store.now() - 1
    await store.write([charge], [])
    other = BookStore(database, "other", seconds=SECONDS, longest=LONGEST)
    assert await other.resolve(10, at) == []


async def test_the_store_settles(database, store):
    """A post is spent."""
    charge = a_charge(usd("0.1"), "alice")
    await store.write([charge], [])
    (settlement,) = await store.write([], [End(charge.id, "reply", usd("0.1"))])
    assert settlement.news == "ended"
    (budget,) = await budgets(database, limit=1)
    assert budget.spent == usd("0.1")
