"""Sums by day, rolled up with the seal that covers their entries, so that reports read few rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

import msgspec

from caracal_core.builtin.ledger.sealing.entry_form import SealedEntry
from caracal_core.builtin.ledger.statement import Statement
from caracal_core.domain.money import MICRO
from caracal_core.ports import Dialect, Statements

DAY_SECONDS = 86_400

_COUNTS = ("calls", "voided", "adjusted")
_AMOUNTS = ("amount_whole", "amount_rest", "held_whole", "held_rest")
_KEY: Mapping[str, str] = MappingProxyType(
    {"day": "INTEGER", "agent": "TEXT", "route": "TEXT", "currency": "TEXT"}
)
_COLUMNS: Mapping[str, str] = MappingProxyType(
    {
        **_KEY,
        **dict.fromkeys((*_COUNTS, *_AMOUNTS, "first_id", "last_id"), "BIGINT"),
    }
)
# A sum that is full stays full instead of overflowing; the entries have the whole amounts.
_ADDED = ",\n    ".join(
    f"{name} = spend_days.{name}"
    f" + {{least}}(excluded.{name}, 9223372036854775807 - spend_days.{name})"
    for name in (*_COUNTS, *_AMOUNTS)
)
_ADD = f"""
INSERT INTO spend_days ({", ".join(_COLUMNS)})
SELECT <values>
FROM <rows> AS summed
WHERE TRUE
ON CONFLICT (day, agent, route, currency) DO UPDATE SET
    {_ADDED},
    first_id = {{least}}(spend_days.first_id, excluded.first_id),
    last_id = {{greatest}}(spend_days.last_id, excluded.last_id)
"""  # noqa: S608 - constants


def _for(dialect: Dialect, rows: str, item: str) -> str:
    values = ", ".join(
        f"CAST({item.format(place)} AS {kind})" for place, kind in enumerate(_COLUMNS.values())
    )
    return Statement(_ADD.replace("<values>", values).replace("<rows>", rows))[dialect]


_WRITE: Mapping[Dialect, str] = MappingProxyType(
    {
        "postgresql": _for(
            "postgresql", "json_array_elements(CAST($1 AS JSON))", "(summed.value->>{})"
        ),
        "sqlite": _for("sqlite", "json_each($1)", "json_extract(summed.value, '$[{}]')"),
    }
)


class DaySum:
    """What some entries of one day, agent, route and currency come to."""

    __slots__ = ("adjusted", "amount", "calls", "first_id", "held", "last_id", "voided")

    def __init__(self, first_id: int) -> None:
        self.calls = self.voided = self.adjusted = self.amount = self.held = 0
        self.first_id = self.last_id = first_id

    def add(self, entry: SealedEntry) -> None:
        """Add an entry; they come in the order of their ids."""
        self.calls += entry.kind == "posted"
        self.voided += entry.kind == "voided"
        self.adjusted += entry.kind == "adjustment"
        self.amount += entry.amount_micro
        self.held += entry.held_micro
        self.last_id = entry.id

    def values(self) -> tuple[int, ...]:
        """Return the columns behind the key, in the table's order."""
        counts, amounts = (self.calls, self.voided, self.adjusted), (self.amount, self.held)
        split = (part for amount in amounts for part in divmod(amount, MICRO))
        return (*counts, *split, self.first_id, self.last_id)


class Days:
    """Sums up entries by day, agent, route and currency."""

    def __init__(self) -> None:
        self._sums: dict[tuple[int, str, str, str], DaySum] = {}

    def add(self, entries: Iterable[SealedEntry]) -> None:
        """Add entries, in the order of their ids."""
        sums = self._sums
        for entry in entries:
            key = (day_of(entry.created_at), entry.agent, entry.route, entry.currency)
            found = sums.get(key)
            if found is None:
                found = sums[key] = DaySum(entry.id)
            found.add(entry)

    def of(self, day: int) -> Mapping[tuple[str, str, str], DaySum]:
        """Return one day's sums, by agent, route and currency."""
        return {key[1:]: each for key, each in self._sums.items() if key[0] == day}

    async def write(self, tx: Statements, dialect: Dialect) -> None:
        """Add everything to the stored sums, in one order, so that nobody waits in a circle."""
        rows = [(*key, *each.values()) for key, each in sorted(self._sums.items())]
        await tx.execute(_WRITE[dialect], msgspec.json.encode(rows).decode())


def day_of(instant: float) -> int:
    """Return the day in UTC that an instant lies in, counted from 1970-01-01."""
    return int(instant // DAY_SECONDS)
