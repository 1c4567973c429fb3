"""The ledger as plain dicts, work by work: what the real books must come to."""

from __future__ import annotations

from datetime import UTC, datetime

WAITS = ("waits",)
NOBODY = "XXX"
NOT_THE_OWNERS = {"orphan", "expired", "released"}
DAY, HOUR = 86_400, 3600
THURSDAY = 3 * DAY
"""The first of January 1970 was one, so many seconds after a Monday."""


def starts(period, at):
    """Since when the calendar window in UTC around an instant has been running."""
    second = int(at)
    match period:
        case "hour":
            return second - second % HOUR
        case "day":
            return second - second % DAY
        case "week":
            return second - (second + THURSDAY) % (7 * DAY)
        case "month":
            then = datetime.fromtimestamp(second, UTC)
            return int(datetime(then.year, then.month, 1, tzinfo=UTC).timestamp())
    return 0


class Model:
    """The books.

    Attributes:
        budgets: limit by (account, currency, period).
        windows: counters by (account, currency, period, start, number of the budget).
        reservations: by id.
        keys: what a client's key stands for, by (agent, key).
        entries: the journal, each with the windows that it moved.

    Args:
        hasty: of charges in one batch with one key, all but the first that may have it are told
            that it is in flight, though that one be refused: as if they had come a little sooner.
    """

    def __init__(self, *, hasty):
        self._hasty = hasty
        self._claimed = {}
        self.budgets, self.windows, self.reservations, self.keys = {}, {}, {}, {}
        self.entries = []
        self._numbers = {}
        """A budget that was removed and given again counts from the start."""

    def set_budget(self, budget, limit, at):
        if budget not in self.budgets:
            self._numbers[budget] = self._numbers.get(budget, 0) + 1
        self.budgets[budget] = limit
        window = self.windows.get(self._window(budget, at))
        if window is not None:
            window["limit"] = limit
            window["excess"] = max(0, window["spent"] + window["held"] - limit)

    def remove_budget(self, budget):
        del self.budgets[budget]
        self.windows = {key: each for key, each in self.windows.items() if key[:3] != budget}

    def write(self, owner, reserves, ends, at):
        """Return one verdict for each work; what needs a new window is decided after the rest."""
        verdicts = self._pass(owner, reserves, ends, at)
        waiting = [charge for charge in reserves if verdicts["reserve", charge.id] == WAITS]
        for charge in waiting:
            self._open(charge, at)
        ids = {charge.id for charge in waiting}
        left = [end for end in ends if end.id in ids]
        verdicts.update(self._pass(owner, waiting, left, at))
        return [
            *(verdicts["reserve", charge.id] for charge in reserves),
            *(verdicts["end", end.id] for end in ends),
        ]

    def _pass(self, owner, reserves, ends, at):
        before = {each["id"]: each for each in self.pending()}
        self._claimed = {}
        conflicts = {charge.id: self._claim(charge) for charge in reserves if self._hasty}
        verdicts = {
            ("reserve", charge.id): self._reserve(owner, charge, conflicts, at)
            for charge in reserves
        }
        ready = [end for end in ends if verdicts.get(("reserve", end.id)) != WAITS]

        asked = {charge.id for charge in reserves}

        def comes_late(end):
            held = before.get(end.id) if end.id not in asked else None
            return held is None or not _fits(end, held)

        for end in sorted(ready, key=comes_late):
            verdicts["end", end.id] = self._end(end, at)
        return verdicts

    def _claim(self, charge):
        """Judge a key before any charge of the batch is held."""
        if charge.key is None:
            return None
        name = (charge.agent, charge.key)
        if name in self._claimed:
            return ("idempotency_in_flight", self._claimed[name])
        row = self.keys.get(name, {"charge": charge.id, "attempt": charge.id})
        conflict = self._conflict(charge) if row["attempt"] != charge.id else None
        if conflict is None:
            self._claimed[name] = row["charge"]
        return conflict

    def _reserve(self, owner, charge, conflicts, at):
        known = self.reservations.get(charge.id)
        if known is not None:
            return _again(known, charge)
        conflict = conflicts[charge.id] if self._hasty else self._conflict(charge)
        if conflict is not None:
            return conflict
        path = self._path(charge)
        keys = [self._window(budget, at) for budget in path]
        windows = [self.windows.get(key) for key in keys]
        if None in windows:
            return WAITS
        short = [key for key in keys if _left(self.windows[key]) < charge.amount.micro]
        if short or not keys:
            return self._short(charge, short)
        public = charge.id
        if charge.key is not None:
            name = (charge.agent, charge.key)
            public = self.keys[name]["charge"] if name in self.keys else charge.id
            self.keys[name] = {
                "charge": public, "fingerprint": charge.fingerprint, "attempt": charge.id,
                "touched_at": at,
            }  # fmt: skip
        for window in windows:
            window["held"] += charge.amount.micro
        self.reservations[charge.id] = _held(charge, owner, public, keys, at)
        return ("held", public, charge.amount, at + charge.expire_seconds)

    def _conflict(self, charge):
        row = self.keys.get((charge.agent, charge.key))
        if row is None:
            return None
        if row["fingerprint"] != charge.fingerprint:
            return ("idempotency_key_reused", row["charge"])
        attempt = self.reservations.get(row["attempt"])
        if attempt is None:
            return None
        if attempt["state"] == "pending":
            return ("idempotency_in_flight", row["charge"])
        if attempt["state"] == "posted" or attempt["adjusted"]:
            return ("already_charged", row["charge"])
        return None

    def _short(self, charge, short):
        """Name the nearest account that is short, and of its windows the one with least left."""
        own = charge.accounts[0]
        if not short:
            return ("short", own, {""}, None)
        account = min((key[0] for key in short), key=charge.accounts.index)
        lefts = {key[2]: _left(self.windows[key]) for key in short if key[0] == account}
        least = min(lefts.values())
        available = max(least, 0) if account == own else None
        return ("short", account, {each for each in lefts if lefts[each] == least}, available)

    def _end(self, end, at):
        known = self.reservations.get(end.id)
        if known is None:
            return self._remember(end, at)
        if known["state"] == "pending":
            return self._end_pending(end, known, at)
        missing, currency, basis = _missing(end, known)
        if missing <= 0:
            return ("repeated", False, *_receipt(known))
        known["adjusted"] = True
        self._enter(known, "adjustment", missing, currency, "adjustment", basis)
        self._move(known, 0, missing)
        return ("adjusted", False, *_receipt(known))

    def _remember(self, end, at):
        money = end.amount
        self.reservations[end.id] = record = {
            "id": end.id, "charge": end.id, "agent": "", "accounts": (), "route": "",
            "request": "", "currency": NOBODY if money is None else money.currency, "amount": 0,
            "orphan": "void", "owner": "", "windows": [], "created_at": at, "expires_at": at,
            "price": "", "state": "voided" if money is None else "posted",
            "posted": 0 if money is None else money.micro, "cause": end.cause,
            "basis": "" if money is None else end.basis, "ended_at": at, "adjusted": False,
        }  # fmt: skip
        if money is not None:
            self._enter(record, "posted", money.micro, money.currency, end.cause, end.basis)
        return ("unknown", False, *_receipt(record))

    def _end_pending(self, end, record, at):
        if end.amount is None:
            state, posted, basis = "voided", 0, ""
        elif end.amount.currency == record["currency"]:
            state, posted, basis = "posted", end.amount.micro, end.basis
        else:
            state, posted, basis = "posted", record["amount"], "held"
        self._finish(record, state, posted, end.cause, basis, at)
        return ("ended", posted > record["amount"], *_receipt(record))

    def _finish(self, record, state, posted, cause, basis, at):
        record.update(state=state, posted=posted, cause=cause, basis=basis, ended_at=at)
        self._enter(record, state, posted, record["currency"], cause, basis)
        self._move(record, record["amount"], posted)

    def _enter(self, record, kind, amount, currency, cause, basis):
        held = 0 if kind == "adjustment" else record["amount"]
        line = (
            record["charge"], kind, record["agent"], record["route"], record["request"],
            currency, held, amount, cause, basis, record["price"],
        )  # fmt: skip
        self.entries.append((line, record["windows"]))

    def _move(self, record, held, spent):
        for key in record["windows"]:
            window = self.windows.get(key)
            if window is not None:
                window["held"] -= held
                window["spent"] += spent
                window["excess"] = max(window["excess"], -_left(window))

    def _path(self, charge):
        return [
            budget
            for account in charge.accounts
            for budget in self.budgets
            if budget[:2] == (account, charge.amount.currency)
        ]

    def _window(self, budget, at):
        return (*budget, starts(budget[2], at), self._numbers.get(budget))

    def _open(self, charge, at):
        for budget in self._path(charge):
            fresh = {"limit": self.budgets[budget], "spent": 0, "held": 0, "excess": 0}
            self.windows.setdefault(self._window(budget, at), fresh)

    def release(self, id, ending, at):
        """End what is pending under an id by hand; return the amount, None where nothing is."""
        found = [r for r in self.pending() if id in (r["id"], r["charge"])]
        if not found:
            return None
        (record,) = found
        posted = ending == "post"
        amount = record["amount"] if posted else 0
        state, basis = ("posted", "held") if posted else ("voided", "")
        self._finish(record, state, amount, "released", basis, at)
        return amount

    def pending(self):
        return [each for each in self.reservations.values() if each["state"] == "pending"]

    def renew(self, owner, seconds, longest, at):
        due = [
            each
            for each in self.pending()
            if each["owner"] == owner
            and each["expires_at"] < at + seconds * 0.7
            and each["expires_at"] < each["created_at"] + longest
        ]
        for each in due:
            each["expires_at"] = min(at + seconds, each["created_at"] + longest)
        return len(due)

    def expired(self, owner, longest, at):
        """Return what may be resolved, in the order of expiry."""
        due = [
            each
            for each in self.pending()
            if each["expires_at"] <= at
            and (each["owner"] != owner or each["expires_at"] >= each["created_at"] + longest)
        ]
        return sorted(due, key=lambda each: each["expires_at"])

    def resolve(self, record, longest, at):
        """End an expired hold by its own rule; return (id, state, cause)."""
        posted = record["orphan"] == "post"
        state, amount = ("posted", record["amount"]) if posted else ("voided", 0)
        cause = "expired" if record["expires_at"] >= record["created_at"] + longest else "orphan"
        self._finish(record, state, amount, cause, "held" if posted else "", at)
        return record["id"], state, cause

    def purge(self, seconds, at):
        before = at - seconds

        def kept(record):
            return record is not None and (record["ended_at"] or at) >= before

        self.keys = {
            name: row
            for name, row in self.keys.items()
            if row["touched_at"] >= before or kept(self.reservations.get(row["attempt"]))
        }
        self.reservations = {each["id"]: each for each in self.reservations.values() if kept(each)}

    def wrong(self):
        """Return the windows that break an invariant; there must be none."""
        faults = []
        for key, window in self.windows.items():
            held = sum(each["amount"] for each in self.pending() if key in each["windows"])
            spent = sum(line[7] for line, windows in self.entries if key in windows)
            over = window["spent"] + window["held"] > window["limit"] + window["excess"]
            if (held, spent) != (window["held"], window["spent"]) or over:
                faults.append((key, window, held, spent))
        return faults


def _fits(end, held):
    return end.amount is None or (
        end.amount.currency == held["currency"] and end.amount.micro <= held["amount"]
    )


def _left(window):
    return window["limit"] - window["spent"] - window["held"]


def _again(known, charge):
    if known["state"] != "pending":
        return ("conflict",)
    names = ("agent", "accounts", "route", "request", "orphan")
    same = all(known[name] == getattr(charge, name) for name in names)
    if not same or (known["currency"], known["amount"]) != (
        charge.amount.currency,
        charge.amount.micro,
    ):
        return ("conflict",)
    return ("held", known["charge"], charge.amount, known["expires_at"])


def _held(charge, owner, public, windows, at):
    return {
        "id": charge.id, "charge": public, "agent": charge.agent, "accounts": charge.accounts,
        "route": charge.route, "request": charge.request, "currency": charge.amount.currency,
        "amount": charge.amount.micro, "orphan": charge.orphan, "owner": owner,
        "windows": windows, "created_at": at, "expires_at": at + charge.expire_seconds,
        "price": charge.price, "state": "pending", "posted": 0, "cause": None, "basis": "",
        "ended_at": None, "adjusted": False,
    }  # fmt: skip


def _missing(end, known):
    """Return what was spent beside an ending that somebody else than the owner decided."""
    owners = known["state"] == "posted" and known["cause"] not in NOT_THE_OWNERS
    if end.amount is None or known["adjusted"] or owners:
        return 0, "", ""
    if known["currency"] in (end.amount.currency, NOBODY):
        return end.amount.micro - known["posted"], end.amount.currency, end.basis
    return known["amount"] - known["posted"], known["currency"], "held"


def _receipt(record):
    return record["id"], record["state"], record["posted"], record["currency"], record["cause"]
