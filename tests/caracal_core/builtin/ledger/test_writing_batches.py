"""A batch does what its works would do one by one, and a bad work harms no other."""

from __future__ import annotations

import asyncio
from secrets import token_hex

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from caracal_core.builtin.ledger.budgets import remove_budget, set_budget
from caracal_core.builtin.ledger.errors import Conflict
from caracal_core.builtin.ledger.expiry import resolve
from caracal_core.builtin.ledger.settling import End, Settlement
from caracal_core.builtin.ledger.windows import open_windows
from caracal_core.builtin.ledger.writing import write
from caracal_core.domain import Money, Receipt, Reservation
from caracal_core.errors import BudgetExceeded, Failure
from caracal_core.storage.database import open_database
from caracal_core.storage.errors import Rejected
from caracal_core.testing.fakes import a_charge, usd

START = 1_795_391_000.0
LIMITS = {("a", "hour"): 12, ("a", "day"): 20, ("team", "month"): 25, ("b", "total"): 9}
PATHS = [("a", "team"), ("b", "team"), ("a", "b"), ("nobody",)]


def said(verdict):
    """Return a verdict in words that compare equal, whatever the ids are."""
    match verdict:
        case Reservation():
            return ("held", verdict.amount.micro, verdict.expires_at)
        case Settlement():
            receipt = verdict.receipt
            return (verdict.news, verdict.overrun, receipt.state, receipt.amount, receipt.cause)
        case BudgetExceeded():
            return (verdict.account[0], verdict.window, verdict.available)
        case _:
            return (type(verdict).__name__,)


class Twin:
    """Books of accounts of their own in a shared database."""

    def __init__(self, database):
        self.database = database
        self.tag = token_hex(4)
        self.ids = [token_hex(16) for _ in range(8)]

    async def prepare(self, balanced_books):
        for (account, period), limit in LIMITS.items():
            name = f"{account}-{self.tag}"
            await balanced_books.fund(self.database, name, Money(limit, "USD"), period=period)

    def charge(self, number, path, amount, orphan):
        names = [f"{account}-{self.tag}" for account in path]
        charge = a_charge(Money(amount, "USD"), *names, orphan=orphan)
        return msgspec.structs.replace(charge, id=self.ids[number], request="same")

    def end(self, number, amount, currency):
        money = None if amount is None else Money(amount, currency)
        return End(self.ids[number], "reply", money, "metered" if money else "")

    async def counters(self):
        rows = await self.database.fetch(
            """SELECT a.name, b.period, w.spent_micro, w.held_micro, w.excess_micro
            FROM budget_windows w JOIN budgets b ON b.id = w.budget_id
            JOIN accounts a ON a.id = b.account_id WHERE a.name LIKE $1
            ORDER BY a.name, b.period""",
            f"%-{self.tag}",
        )
        return [(row["name"][0], *list(row.values())[1:]) for row in rows]

    async def entries(self):
        rows = await self.database.fetch(
            "SELECT charge, kind, held_micro, amount_micro, currency, basis FROM entries"
        )
        numbers = {each: number for number, each in enumerate(self.ids)}
        return sorted(
            (numbers[row["charge"]], *list(row.values())[1:])
            for row in rows
            if row["charge"] in numbers
        )


RESERVES = st.lists(
    st.tuples(
        st.integers(0, 7),
        st.sampled_from(PATHS),
        st.integers(0, 9),
        st.sampled_from(["post", "void"]),
    ),
    max_size=6,
    unique_by=lambda terms: terms[0],
)
ENDS = st.lists(
    st.tuples(
        st.integers(0, 7),
        st.none() | st.integers(0, 14),
        st.sampled_from(["USD", "USD", "USD", "EUR"]),
    ),
    max_size=6,
    unique_by=lambda terms: terms[0],
)
BATCHES = st.lists(st.tuples(RESERVES, ENDS, st.booleans()), min_size=1, max_size=6)


def in_the_order_of_a_batch(ends, pending):
    """Put first the ends that do not pass holds for which the batch does not ask."""

    def passes(end):
        held = pending.get(end.id)
        if held is None:
            return True
        return end.amount is not None and (end.amount.currency != "USD" or end.amount.micro > held)

    return sorted(ends, key=passes)


async def agree(config, batches, balanced_books):
    async with open_database(config) as database:
        whole, single = Twin(database), Twin(database)
        for twin in (whole, single):
            await twin.prepare(balanced_books)
        for number, (reserves, ends, expire) in enumerate(batches):
            at = START + number * 1000
            for twin in (whole, single):  # what has to be opened first is decided last
                for path in PATHS:
                    names = [f"{account}-{twin.tag}" for account in path]
                    await open_windows(database, names, "USD", at)
            together = await write(
                database,
                "own",
                [whole.charge(*terms) for terms in reserves],
                [whole.end(*terms) for terms in ends],
                at,
            )
            rows = await database.fetch(
                "SELECT id, amount_micro FROM reservations WHERE state = 'pending'"
            )
            asked = {single.ids[number] for number, *_ in reserves}
            pending = {r["id"]: r["amount_micro"] for r in rows if r["id"] not in asked}
            alone = {}
            for terms in reserves:
                (alone[terms],) = await write(database, "own", [single.charge(*terms)], [], at)
            wanted = [single.end(*terms) for terms in ends]
            settled = {}
            for end in in_the_order_of_a_batch(wanted, pending):
                (settled[end.id],) = await write(database, "own", [], [end], at)
            one_by_one = [*alone.values(), *(settled[end.id] for end in wanted)]
            assert [said(v) for v in together] == [said(v) for v in one_by_one]
            if expire:
                await resolve(database, "reaper", 100, 3600, at + 500)
        assert await whole.counters() == await single.counters()
        assert await whole.entries() == await single.entries()
        assert await balanced_books.wrong(database) == []


@given(batches=BATCHES)
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_a_batch_is_its_works_one_by_one_on_sqlite(sqlite_config, balanced_books, batches):
    """Shared budgets near their limits, overruns, other currencies, late posts, unknown ids."""
    asyncio.run(agree(sqlite_config, batches, balanced_books))


@given(batches=BATCHES)
@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_a_batch_is_its_works_one_by_one_on_postgresql(postgres_config, balanced_books, batches):
    """The same on PostgreSQL."""
    asyncio.run(agree(postgres_config, batches, balanced_books))


async def test_a_reserve_and_its_end_in_one_batch(database, give_budget, counts, balanced):
    """It is ended after it, though its window had to be opened first."""
    await give_budget("alice", usd("1"))
    first, second = a_charge(usd("0.4"), "alice"), a_charge(usd("0.5"), "alice")
    ends = [End(first.id, "reply", usd("0.3"), "held"), End(second.id, "not_sent")]
    held, _, posted, voided = await write(database, "own", [first, second], ends)
    assert held.id == first.id
    assert posted == Settlement(Receipt(first.id, "posted", usd("0.3"), "reply"), "ended")
    assert voided == Settlement(Receipt(second.id, "voided", usd("0"), "not_sent"), "ended")
    assert await counts("alice") == [(300_000, 0, 0)]
    assert await balanced()


async def test_within_a_batch_the_first_to_come_gets_the_last_unit(
    database, give_budget, counts, balanced
):
    """What is refused leaves its room to the next that fits; others are not touched."""
    await give_budget("alice", usd("1"))
    await give_budget("bob", usd("1"))
    amounts = ["0.6", "0.5", "0.4", "0.1"]
    charges = [a_charge(usd(amount), "alice") for amount in amounts]
    verdicts = await write(database, "own", [a_charge(usd("1"), "bob"), *charges], [])
    assert [type(verdict) for verdict in verdicts] == [
        Reservation, Reservation, BudgetExceeded, Reservation, BudgetExceeded,
    ]  # fmt: skip
    assert [v.available for v in verdicts if isinstance(v, BudgetExceeded)] == [
        usd("0.4"),
        usd("0"),
    ]
    assert await counts("alice") == [(0, 1_000_000, 0)]
    assert await balanced()


async def test_a_bad_work_harms_no_other(database, give_budget, counts):
    """What the store cannot take is that one's error."""
    await give_budget("alice", usd("1"))
    good = a_charge(usd("0.4"), "alice")
    bad = msgspec.structs.replace(a_charge(usd("0.4"), "alice"), orphan="neither")
    verdicts = await write(database, "own", [bad, good], [End("x" * 32, "reply", None)])
    assert [type(verdict) for verdict in verdicts[1:]] == [Reservation, Settlement]
    assert isinstance(verdicts[0], Rejected)
    assert await counts("alice") == [(0, 400_000, 0)]


async def test_a_store_that_is_gone_fails_the_batch(database, give_budget):
    """Of no work anything is known."""
    await give_budget("alice", usd("1"))
    await database.execute("ALTER TABLE budget_windows RENAME TO gone")
    with pytest.raises(Failure):
        await write(database, "own", [a_charge(usd("0.4"), "alice")], [End("x", "reply")])


async def test_batches_in_every_order_never_fail(postgres_config, balanced_books):
    """Two gateways, a reaper, limits that change and budgets that come and go: none stays."""
    async with open_database(postgres_config) as one, open_database(postgres_config) as other:
        names = ["a", "b", "c", "d"]
        for name in names:
            for period in ("hour", "total"):
                await balanced_books.fund(one, name, usd("100"), period=period)

        async def live(database, shift):
            for turn in range(8):
                paths = [(names[(shift + k) % 4], names[(shift + k + turn) % 4]) for k in range(6)]
                charges = [a_charge(usd("0.1"), *dict.fromkeys(path)) for path in paths]
                held = await write(database, "own", charges, [])
                assert {type(verdict) for verdict in held} <= {Reservation, BudgetExceeded}
                ends = [End(c.id, "reply", usd("0.2"), "held") for c in charges[::-1]]
                ended = await write(database, "own", [], ends[:3])
                ended += await write(database, "own", [a_charge(usd("0.1"), "a")], ends[3:])
                assert not [verdict for verdict in ended if isinstance(verdict, Failure)]

        async def disturb(database, name):
            for _ in range(8):
                await set_budget(database, "a", usd("90"), "total")
                await remove_budget(database, name, "USD", "hour")
                await set_budget(database, name, usd("100"), "hour")
                await resolve(database, "reaper", 10, 0)

        async with asyncio.timeout(90):
            await asyncio.gather(
                *(live((one, other)[n % 2], n) for n in range(4)),
                disturb(one, "a"),
                disturb(other, "b"),
            )
        rows = await balanced_books.wrong(one)
        assert rows == []


async def test_a_conflict_is_final(database, give_budget):
    """In a batch as alone."""
    await give_budget("alice", usd("1"))
    charge = a_charge(usd("0.1"), "alice")
    await write(database, "own", [charge], [End(charge.id, "not_sent")])
    (verdict,) = await write(database, "own", [charge], [])
    assert isinstance(verdict, Conflict)


async def test_an_end_whose_reserve_is_asked_for_again_keeps_its_place(
    database, give_budget, counts
):
    """So an overrun before it passes the limit by as much on either store."""
    await give_budget("alice", usd("1"))
    small, large = a_charge(usd("0.5"), "alice"), a_charge(usd("0.5"), "alice")
    await write(database, "own", [small, large], [])
    ends = [End(small.id, "reply", usd("0.7"), "held"), End(large.id, "not_sent")]
    await write(database, "own", [large], ends)
    assert await counts("alice") == [(700_000, 0, 200_000)]
