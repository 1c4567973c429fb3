"""Reserve and post: pairs per second, and CPU per pair of the gateway and of the database.

Usage: python bench/ledger/run.py [--rounds 5] [--pairs 6000] [--store STORE] [--json FILE]

Method. The gateway's own ledger desk and store run in this process, on CPU 1, with the garbage
collector set as ``caracal serve`` sets it; PostgreSQL, with its defaults (fsync and
synchronous_commit on), has CPU 0; SQLite (WAL, synchronous=FULL) is a thread of this process. 64
callers reserve a charge, wait, post less than was held, wait, and begin again: each pair is two
durable writes. "gateway" is the CPU time of the event loop's thread divided by the pairs, futures,
charges and the callers themselves included; "callers" is what those alone cost over a ledger that
answers at once, after each round of each case. "database" is that of PostgreSQL's processes, or of
SQLite's thread. Each round runs every case once, in turn, after one that is not counted; the table
shows the medians of the rounds and the spread of the pairs per second.

Cases: one account or a thousand, each with a budget a day; alone (depth 1), or below a team of ten
and an organisation with budgets of their own (depth 3). Growth: one account, alone, with so many
ended charges in the books, in the journal as well as among the reservations.

What is not in it: HTTP, identity, nonces, decisions, forwarding; see bench/gateway.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import platform
import statistics
import sys
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack, ExitStack
from importlib import metadata
from pathlib import Path
from secrets import token_hex

import uvloop

sys.path.insert(0, str(Path(__file__).parent))

from books import GROWTH, enrol, grow, paths
from databases import Spent, postgresql, sqlite, version

from caracal_core.builtin.ledger.desk import LedgerDesk
from caracal_core.builtin.ledger.store import BookStore
from caracal_core.builtin.ledger.tally import Tally
from caracal_core.domain import Cause, Charge, Money, Receipt, Reservation
from caracal_core.garbage import collect_rarely, spare_what_stays
from caracal_core.ports import Database, Ledger
from caracal_core.stages.charge_id import charge_id
from caracal_core.storage.database import open_database
from caracal_core.storage.migrate import up
from caracal_core.testing.fakes import FakeMetrics

GATEWAY_CPU = 1
CALLERS = 64
AIM_PAIRS, AIM_MICROSECONDS = 15_000, 15
HELD, COST = Money(1000, "USD"), Money(900, "USD")


class Case:
    """One row of the table.

    Args:
        name: of the row.
        database: where its books are.
        spent: tells the store's CPU time.
        accounts: the account paths that its callers use in turn.
    """

    def __init__(
        self, name: str, database: Database, spent: Spent, accounts: Sequence[tuple[str, ...]]
    ) -> None:
        self.name, self.accounts, self._spent = name, accounts, spent
        store = BookStore(database, token_hex(16), 300, 3600)
        self._desk = LedgerDesk(store, Tally(FakeMetrics(), logging.getLogger("bench")))
        self.rates: list[float] = []
        self.gateway: list[float] = []
        self.callers: list[float] = []
        self.database: list[float] = []

    async def run(self, pairs: int, *, counted: bool) -> None:
        """Run so many pairs, and keep the figures."""
        spent, begun, own = self._spent(), time.perf_counter(), time.thread_time()
        await drive(self._desk, self.accounts, pairs)
        own, elapsed = time.thread_time() - own, time.perf_counter() - begun
        if counted:
            self.rates.append(pairs / elapsed)
            self.gateway.append(own / pairs * 1e6)
            self.database.append((self._spent() - spent) / pairs * 1e6)
            self.callers.append(await _callers(pairs))


class Nothing:
    """A ledger that answers at once: what is left are the callers."""

    name = "nothing"

    def reserve(self, charge: Charge) -> asyncio.Future[Reservation]:
        return _answered(Reservation(charge.id, charge.amount, 0.0))

    def post(self, id: str, amount: Money, cause: Cause, _: str) -> asyncio.Future[Receipt]:
        return _answered(Receipt(id, "posted", amount, cause))


def _answered(value: object) -> asyncio.Future:  # type: ignore[type-arg]
    future = asyncio.get_running_loop().create_future()
    future.set_result(value)
    return future


async def drive(ledger: Ledger | Nothing, accounts: Sequence[tuple[str, ...]], pairs: int) -> None:
    """Have all callers reserve and post until so many pairs are done."""
    numbers = iter(range(pairs))

    async def call() -> None:
        for number in numbers:
            path = accounts[number % len(accounts)]
            charge = Charge(
                charge_id(), path[0], path, HELD, "route", "request", 300.0, "post", "flat@1"
            )
            await ledger.reserve(charge)
            await ledger.post(charge.id, COST, "reply", "metered")

    await asyncio.gather(*(call() for _ in range(CALLERS)))


async def _measure(options: argparse.Namespace) -> None:
    async with AsyncExitStack() as stack:
        with ExitStack() as servers:
            cases: list[Case] = []
            names = [f"Python {platform.python_version()}"]
            names += [f"{name} {metadata.version(name)}" for name in ("asyncpg", "uvloop")]
            for dialect, start in (("postgresql", postgresql), ("sqlite", sqlite)):
                if options.store in (dialect, "both"):
                    config, spent = servers.enter_context(start())
                    await up(config)
                    database = await stack.enter_async_context(open_database(config))
                    names.append(await version(database))
                    await enrol(database)
                    cases += [
                        Case(f"{dialect} {name}", database, spent, accounts)
                        for name, accounts in paths().items()
                    ]
                    await _rounds([c for c in cases if not c.rates], options)
                    cases += await _growth(dialect, database, spent, options)
            _report(cases, names, options)
            await stack.aclose()


async def _rounds(cases: Sequence[Case], options: argparse.Namespace) -> None:
    for number in range(options.rounds + 1):
        for case in cases:
            await case.run(options.pairs, counted=number > 0)


async def _growth(
    dialect: str, database: Database, spent: Spent, options: argparse.Namespace
) -> list[Case]:
    """Measure one account again and again as the books grow."""
    cases = []
    for rows in GROWTH:
        if rows <= options.most_rows:
            await grow(database, rows)
            case = Case(f"{dialect} {rows:>9,} rows", database, spent, paths()["1, depth 1"])
            await _rounds([case], options)
            cases.append(case)
    return cases


async def _callers(pairs: int) -> float:
    begun = time.thread_time()
    await drive(Nothing(), [("alone",)], pairs)
    return (time.thread_time() - begun) / pairs * 1e6


def _report(cases: Sequence[Case], versions: list[str], options: argparse.Namespace) -> None:
    print(f"$ python {' '.join(sys.argv)}")
    print(f"{options.rounds} rounds of {options.pairs} pairs, {CALLERS} callers; CPU us per pair;")
    print(f"load {os.getloadavg()[0]:.1f}; {'; '.join(versions)}\n")
    print(f"{'':30}{'pairs/s':>9}{'min':>8}{'max':>8}{'gateway':>9}{'callers':>9}{'database':>9}")
    for case in cases:
        rates = f"{statistics.median(case.rates):9.0f}{min(case.rates):8.0f}{max(case.rates):8.0f}"
        spent = (case.gateway, case.callers, case.database)
        print(f"{case.name:30}{rates}" + "".join(f"{statistics.median(x):9.1f}" for x in spent))
    print(f"aim, one account: {AIM_PAIRS} pairs/s, {AIM_MICROSECONDS} us of the gateway")
    if options.json:
        figures = {c.name: [c.rates, c.gateway, c.callers, c.database] for c in cases}
        document = {
            "command": sys.argv, "versions": versions,
            "columns": ["pairs per second", "gateway us", "callers us", "database us"],
            "figures": figures,
        }  # fmt: skip
        options.json.write_text(json.dumps(document, indent=2))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=5, choices=range(1, 101), metavar="1-100")
    parser.add_argument("--pairs", type=int, default=6000, help="in each round of a case")
    parser.add_argument("--store", default="both", choices=["both", "postgresql", "sqlite"])
    parser.add_argument("--most-rows", type=int, default=GROWTH[-1], help="of the growing books")
    parser.add_argument("--json", type=Path, help="also write the figures there")
    return parser.parse_args()


if __name__ == "__main__":
    os.sched_setaffinity(0, {GATEWAY_CPU})
    collect_rarely()
    spare_what_stays()
    uvloop.run(_measure(_options()))
