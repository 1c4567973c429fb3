"""A batch's part of the books, in the memory of the only writer, which decides work by work."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, MutableMapping, Sequence
from typing import Any

from caracal_core.builtin.ledger.settling import NO_CURRENCY, NOT_THE_OWNERS, End, Settlement
from caracal_core.builtin.ledger.sqlite_keys import Keys
from caracal_core.builtin.ledger.statement import array
from caracal_core.builtin.ledger.verdict import WAITS, Verdict, Waits, over, taken
from caracal_core.builtin.ledger.windows import Window, shortage
from caracal_core.domain import Charge, Money, Receipt, Reservation
from caracal_core.domain.money import LARGEST

Record = MutableMapping[str, Any]
"""A row of ``reservations`` as it stands after what was decided so far."""


class Counter:
    """What a window counts, and what of it has changed."""

    __slots__ = ("excess", "held", "id", "limit", "spent")

    def __init__(self, id: int, limit: int, spent: int, held: int, excess: int) -> None:
        self.id, self.limit = id, limit
        self.spent, self.held, self.excess = spent, held, excess

    @property
    def left(self) -> int:
        """Micro-units neither spent nor held; below zero after an overrun."""
        return self.limit - self.spent - self.held

    def move(self, held: int, spent: int) -> None:
        """Give back what was held and count what was spent; a full counter stays full."""
        self.held -= held
        self.spent += min(spent, LARGEST - self.spent - self.held)
        self.excess = max(self.excess, -self.left)


Path = Sequence[tuple[str, str, Counter | None]]
"""Account, period and counter of each budget on a path; None where its window is not open."""


class Books:
    """Decides a batch over what was read, and notes what has to be written.

    Args:
        now: the instant of the batch, unix seconds.
        owner: who renews what is held.
        records: the reservations that the batch names, by id.
        counters: the windows that they and the paths have, by id.
        paths: the budgets of each account path in a currency.
        keys: the idempotency keys that the batch names.
    """

    def __init__(
        self,
        now: float,
        owner: str,
        records: MutableMapping[str, Record],
        counters: Mapping[int, Counter],
        paths: Mapping[tuple[tuple[str, ...], str], Path],
        keys: Keys,
    ) -> None:
        self.now, self._owner = now, owner
        self._records, self._counters = records, counters
        self._paths, self.keys = paths, keys
        self._waiting: set[str] = set()
        self._asked: set[str] = set()
        self.held: list[Record] = []
        self.ended: list[Record] = []
        self.remembered: list[Record] = []
        self.adjusted: list[str] = []
        self.entries: list[Sequence[object]] = []
        self.moved: dict[int, Counter] = {}

    def reserve(self, charge: Charge) -> Verdict | Waits:
        """Hold a charge, or say why not."""
        self._asked.add(charge.id)
        known = self._records.get(charge.id)
        if known is not None:
            return _again(charge, known)
        conflict = self.keys.conflict(charge)
        if conflict is not None:
            return conflict
        path = self._paths[charge.accounts, charge.amount.currency]
        counters = [counter for _, _, counter in path if counter is not None]
        if len(counters) < len(path):
            self._waiting.add(charge.id)
            return WAITS
        if not counters or min(counter.left for counter in counters) < charge.amount.micro:
            return shortage(charge, _windows(path))
        return self._hold(charge, counters)

    def settle(self, ends: Iterable[End]) -> Mapping[str, Settlement | Waits]:
        """End reservations, those first that do not pass their hold; return how, by id."""
        rest, settled = [], dict[str, Settlement | Waits]()
        for end in ends:
            if end.id in self._waiting:
                settled[end.id] = WAITS
            elif self._fits_its_hold(end):
                settled[end.id] = self._end(end, self._records[end.id])
            else:
                rest.append(end)
        for end in rest:
            known = self._records.get(end.id)
            if known is None:
                settled[end.id] = self._remember(end)
            elif known["state"] == "pending":
                settled[end.id] = self._end(end, known)
            else:
                settled[end.id] = self._end_again(end, known)
        return settled

    def _hold(self, charge: Charge, counters: Sequence[Counter]) -> Reservation:
        public = self.keys.public(charge)
        expires_at = self.now + charge.expire_seconds
        record: Record = {
            "id": charge.id,
            "agent": charge.agent,
            "accounts": array(charge.accounts),
            "route": charge.route,
            "request": charge.request,
            "currency": charge.amount.currency,
            "amount_micro": charge.amount.micro,
            "orphan": charge.orphan,
            "owner": self._owner,
            "windows": [counter.id for counter in counters],
            "created_at": self.now,
            "expires_at": expires_at,
            "price": charge.price,
            "charge": public,
            "state": "pending",
            "posted_micro": 0,
            "cause": None,
            "basis": "",
            "adjusted": 0,
        }
        self._records[charge.id] = record
        self.held.append(record)
        for counter in counters:
            counter.held += charge.amount.micro
            self.moved[counter.id] = counter
        return Reservation(public or charge.id, charge.amount, expires_at)

    def _fits_its_hold(self, end: End) -> bool:
        """Return whether it ends a hold that the batch does not ask for, and does not pass it."""
        known = self._records.get(end.id)
        if known is None or known["state"] != "pending" or end.id in self._asked:
            return False
        amount = end.amount
        return amount is None or (
            amount.currency == known["currency"] and amount.micro <= known["amount_micro"]
        )

    def _end(self, end: End, record: Record) -> Settlement:
        if end.amount is None:
            state, micro, basis = "voided", 0, ""
        elif end.amount.currency == record["currency"]:
            state, micro, basis = "posted", end.amount.micro, end.basis
        else:
            state, micro, basis = "posted", record["amount_micro"], "held"
        record.update(state=state, posted_micro=micro, cause=end.cause, basis=basis)
        self.ended.append(record)
        self._enter(record, state, micro, record["currency"], end.cause, basis)
        self._move(record, record["amount_micro"], micro)
        return Settlement(_receipt(record), "ended", micro > record["amount_micro"])

    def _remember(self, end: End) -> Settlement:
        """Remember the end of a reservation of which nothing is known."""
        amount = end.amount
        record: Record = {
            "id": end.id,
            "state": "voided" if amount is None else "posted",
            "posted_micro": 0 if amount is None else amount.micro,
            "currency": NO_CURRENCY if amount is None else amount.currency,
            "cause": end.cause,
            "basis": "" if amount is None else end.basis,
            "agent": "", "route": "", "request": "", "price": "",
            "amount_micro": 0, "windows": [], "charge": None, "adjusted": 0,
        }  # fmt: skip
        self._records[end.id] = record
        self.remembered.append(record)
        if amount is not None:
            self._enter(record, "posted", amount.micro, amount.currency, end.cause, end.basis)
        return Settlement(_receipt(record), "unknown")

    def _end_again(self, end: End, record: Record) -> Settlement:
        """Let the first ending stand; what was spent beside it is adjusted for, once."""
        receipt = _receipt(record)
        owners = record["state"] == "posted" and record["cause"] not in NOT_THE_OWNERS
        knows = end.amount is not None and end.cause not in NOT_THE_OWNERS
        if end.amount is None or not knows or record["adjusted"] or owners:
            return Settlement(receipt, "repeated")
        if record["currency"] in (end.amount.currency, NO_CURRENCY):
            micro, currency, basis = end.amount.micro, end.amount.currency, end.basis
        else:
            micro, currency, basis = record["amount_micro"], record["currency"], "held"
        missing = micro - record["posted_micro"]
        if missing <= 0:
            return Settlement(receipt, "repeated")
        record["adjusted"] = 1
        self.adjusted.append(end.id)
        self._enter(record, "adjustment", missing, currency, "adjustment", basis)
        self._move(record, 0, missing)
        return Settlement(receipt, "adjusted")

    def _enter(
        self, record: Record, kind: str, micro: int, currency: str, cause: str, basis: str
    ) -> None:
        held = 0 if kind == "adjustment" else record["amount_micro"]
        self.entries.append(
            (
                record["charge"] or record["id"], kind, record["agent"], record["route"],
                record["request"], currency, held, micro, cause, basis, record["price"],
            )
        )  # fmt: skip

    def _move(self, record: Record, held: int, spent: int) -> None:
        for window in record["windows"]:
            counter = self._counters.get(window)
            if counter is not None:  # else its budget was removed
                counter.move(held, spent)
                self.moved[window] = counter


def _windows(path: Path) -> Sequence[Window]:
    return [
        Window(counter.id, name, period, counter.left) for name, period, counter in path if counter
    ]


def _again(charge: Charge, record: Record) -> Verdict:
    """Return what an earlier try of the charge holds, or that the id is taken."""
    if record["state"] != "pending":
        return over(charge, record["state"])
    terms = (
        charge.agent, array(charge.accounts), charge.route, charge.request,
        charge.amount.currency, charge.amount.micro, charge.orphan,
    )  # fmt: skip
    names = ("agent", "accounts", "route", "request", "currency", "amount_micro", "orphan")
    if terms != tuple(record[name] for name in names):
        return taken(charge)
    return Reservation(record["charge"] or charge.id, charge.amount, record["expires_at"])


def _receipt(record: Record) -> Receipt:
    amount = Money(record["posted_micro"], record["currency"])
    return Receipt(record["id"], record["state"], amount, record["cause"])
