"""What must hold of the books while things die, and afterwards."""

import asyncio
import bisect
import itertools
import json
import time
from collections import Counter, defaultdict
from contextlib import suppress

from caracal_core.builtin.ledger.budgets import set_budget
from caracal_core.domain import Money
from caracal_core.errors import Failure
from caracal_core.storage.database import open_database

from .fleet import ORPHANS, PRICE, usd

WRONG = """
SELECT w.id, w.limit_micro, w.excess_micro, w.spent_micro, w.held_micro, open.amount
FROM budget_windows AS w LEFT JOIN LATERAL (
    SELECT COALESCE(sum(r.amount_micro), 0) AS amount FROM reservations AS r
    WHERE r.state = 'pending' AND w.id = ANY(r.windows)
) AS open ON TRUE
WHERE w.spent_micro + w.held_micro > w.limit_micro + w.excess_micro OR w.held_micro <> open.amount
"""
UNSPENT = """
SELECT w.id FROM budget_windows AS w LEFT JOIN LATERAL (
    SELECT COALESCE(sum(e.amount_micro), 0) AS amount
    FROM entries AS e JOIN reservations AS r ON COALESCE(r.charge, r.id) = e.charge
        AND (e.kind = r.state OR e.kind = 'adjustment' AND r.adjusted)
    WHERE w.id = ANY(r.windows)
) AS spent ON TRUE
WHERE w.spent_micro <> spent.amount
"""
CHECKED = """
SELECT count(*) AS count FROM pg_constraint
WHERE conname = 'budget_windows_within_limit' AND convalidated
"""
WINDOWS = """
SELECT w.id, a.name, b.period, w.limit_micro, w.spent_micro, w.held_micro
FROM budget_windows AS w JOIN budgets AS b ON b.id = w.budget_id
JOIN accounts AS a ON a.id = b.account_id
"""
RESERVATIONS = """
SELECT r.*, CAST(extract(epoch FROM pg_xact_commit_timestamp(r.xmin)) AS DOUBLE PRECISION)
    AS committed_at
FROM reservations AS r WHERE agent <> ''
"""
LAG_SECONDS = 0.15
"""A commit is seen by others a moment after its time stamp."""
KEEPS = -1
"""Instead of a new limit."""
MOVES = 0.15
"""How often a look at the windows moves a limit too."""
TEAM_SLACK_MICRO, ORG_SLACK_MICRO = 20_000_000, 80_000_000


class Watch:
    """Reads the windows all the time, keeps them near their limits, and notes what is wrong.

    Attributes:
        samples: how often they were read.
        wrong: rows that broke an invariant.
        limits: by window: (since when, limit) in the order of time.
    """

    def __init__(self, config, dice):
        self._config, self._dice = config, dice
        self._over = False
        self._task = None
        self.samples, self.wrong, self.limits = 0, [], defaultdict(list)

    async def __aenter__(self):
        self._task = asyncio.create_task(self._watch())
        return self

    async def __aexit__(self, *_):
        self._over = True
        await self._task

    async def _watch(self):
        async with open_database(self._config) as database:
            while not self._over:
                with suppress(Failure):  # the database is being killed
                    self.wrong += await database.fetch(WRONG)
                    self.samples += 1
                    await self._tighten(database)
                await asyncio.sleep(0.02)

    async def _tighten(self, database):
        """Move the limit of some group to a little above what is spent and held, or below."""
        rows = await database.fetch(WINDOWS)
        for row in rows:
            if not self.limits[row["id"]]:
                self.limits[row["id"]].append((0.0, row["limit_micro"]))
        groups = [row for row in rows if not row["name"].startswith("agent")]
        if groups and self._dice.random() < MOVES:
            row = self._dice.choice(groups)
            slack = ORG_SLACK_MICRO if row["name"] == "org" else TEAM_SLACK_MICRO
            room = self._dice.randint(-usd(PRICE).micro, slack)
            limit = max(0, row["spent_micro"] + row["held_micro"] + room)
            self.limits[row["id"]].append((time.time(), None))  # either, until it is known
            await set_budget(database, row["name"], Money(limit, "USD"), row["period"])
            self.limits[row["id"]].append((time.time(), limit))


class Books:
    """The journal and the reservations once all is over.

    Args:
        reservations, entries: rows.
    """

    def __init__(self, reservations, entries):
        self.reservations, self.entries = reservations, entries
        self.by_charge = defaultdict(list)
        for entry in entries:
            self.by_charge[entry["charge"]].append((entry["kind"], entry["cause"]))

    @classmethod
    async def read(cls, database):
        reservations = await database.fetch(RESERVATIONS)
        return cls(reservations, await database.fetch("SELECT * FROM entries"))

    def lost(self, charges):
        """Return the acknowledged charges that nothing was posted for."""
        spent = {"posted", "adjustment"}
        return [each for each in charges if not spent & {k for k, _ in self.by_charge[each]}]

    def doubled(self):
        """Return the charges that were posted, or adjusted for, more than once."""
        counts = {each: Counter(kind for kind, _ in news) for each, news in self.by_charge.items()}
        return [each for each, c in counts.items() if c["posted"] > 1 or c["adjustment"] > 1]

    def against_the_rule(self):
        """Return the holds of the dead that ended otherwise than their route says."""
        return [
            (each["id"], each["state"])
            for each in self.reservations
            if each["cause"] == "orphan"
            and (each["state"], each["posted_micro"])
            != (
                ORPHANS[each["route"]],
                each["amount_micro"] if ORPHANS[each["route"]] == "posted" else 0,
            )
        ]

    def blocked(self, paid, kills):
        """Return for how many seconds each dead replica's hold stood after its death, by hold."""
        owners = {
            each["owner"]: paid[each["charge"] or each["id"]]
            for each in self.reservations
            if (each["charge"] or each["id"]) in paid and each["cause"] == "reply"
        }
        return {
            each["id"]: each["ended_at"] - kills[owners[each["owner"]]]
            for each in self.reservations
            if each["cause"] == "orphan" and owners.get(each["owner"]) in kills
        }


class Oracle:
    """Says of a refusal whether any window of its path was too full while it was asked.

    Args:
        books: all reservations.
        limits: of each window, as they were moved.
        windows: their rows, for the names.
        blocked: seconds to leave out at the end of these holds, as if the dead held nothing.
    """

    def __init__(self, books, limits, windows, blocked):
        changes = defaultdict(list)
        for each in books.reservations:
            # Its instants are those of the transactions' starts; its room was free at the commit.
            end = each["committed_at"] or each["ended_at"]
            end = each["ended_at"] - blocked[each["id"]] if each["id"] in blocked else end
            for window in each["windows"]:
                changes[window].append((each["created_at"], each["amount_micro"], KEEPS))
                less = each["posted_micro"] - each["amount_micro"]
                changes[window].append((max(end, each["created_at"]), less, KEEPS))
        self._names = defaultdict(list)
        for row in windows:
            self._names[row["name"]].append(row["id"])
        self._left = {window: _steps(changes[window], limits[window]) for window in limits}

    def explains(self, refused, path, needed):
        """Return whether some window had less left than was needed, at some moment of the call."""
        begin, end = refused.asked - LAG_SECONDS, refused.answered + LAG_SECONDS
        for window in itertools.chain.from_iterable(self._names[name] for name in path):
            times, lefts = self._left[window]
            first = max(bisect.bisect_right(times, begin) - 1, 0)
            if any(left < needed for left in lefts[first : bisect.bisect_right(times, end)]):
                return True
        return False


def _steps(changes, limits):
    """Return instants, and what was left from each on; a limit that is being moved leaves none."""
    moves = [(at, 0, limit) for at, limit in limits]
    used, limit, times, lefts = 0, 0, [], []
    for at, amount, moved in sorted(changes + moves, key=lambda each: each[0]):
        used += amount
        limit = limit if moved == KEEPS else moved
        times.append(at)
        lefts.append(-1 if limit is None else limit - used)
    return times, lefts


def report(**figures):
    """Print the figures as one line of JSON."""
    print(json.dumps(figures))  # noqa: T201 - the report
