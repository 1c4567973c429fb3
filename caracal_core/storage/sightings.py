"""Which agents were let in on which day, what they showed, and what proved them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

import msgspec
from msgspec import Struct

from caracal_core.ports import Database, Dialect, Row
from caracal_core.storage.dialect import NOW

DAY_SECONDS = 86_400
LONGEST = 512
"""Characters of one list of words, the commas between them included."""

_WORDS = ("shown", "proved", "trial_proved", "trial_refused")
_KEY = ("agent", "day", *_WORDS)
_ROWS: Mapping[Dialect, str] = MappingProxyType(
    {
        "postgresql": """
            SELECT agent, day, shown, proved, trial_proved, trial_refused, count
            FROM json_to_recordset(CAST($1 AS JSON)) AS given (
                agent TEXT, day INTEGER, shown TEXT, proved TEXT, trial_proved TEXT,
                trial_refused TEXT, count BIGINT)""",
        "sqlite": """
            SELECT value ->> 'agent', value ->> 'day', value ->> 'shown', value ->> 'proved',
                   value ->> 'trial_proved', value ->> 'trial_refused', value ->> 'count'
            FROM json_each($1)""",
    }
)
_ADD = """
INSERT INTO sightings (agent, day, shown, proved, trial_proved, trial_refused, count)
{rows} WHERE true
ON CONFLICT (day, agent, shown, proved, trial_proved, trial_refused)
DO UPDATE SET count = sightings.count + excluded.count
"""
_SINCE = f"""
SELECT {", ".join(_KEY)}, count FROM sightings
WHERE day > {{now}} / {DAY_SECONDS} - 1 - $1
ORDER BY agent, day, shown, proved, trial_proved, trial_refused
"""  # noqa: S608 - constants
_SWEEP = f"DELETE FROM sightings WHERE day < {{now}} / {DAY_SECONDS} - 1 - $1"  # noqa: S608 - constants


class Seen(Struct, frozen=True):
    """What one or more requests of an agent had in common.

    Attributes:
        agent: the agent's name.
        day: days since 1970-01-01, in UTC.
        shown: the kinds of credentials that were shown, sorted.
        proved: the schemes that proved the agent, in their order.
        trial_proved: the schemes on trial that would have proved it, too.
        trial_refused: the schemes on trial that would have refused it.
    """

    agent: str
    day: int
    shown: tuple[str, ...]
    proved: tuple[str, ...]
    trial_proved: tuple[str, ...] = ()
    trial_refused: tuple[str, ...] = ()

    @property
    def fits(self) -> bool:
        """Whether the table has room for its words."""
        lists = (self.shown, self.proved, self.trial_proved, self.trial_refused)
        return all(len(",".join(words)) <= LONGEST for words in lists)


async def add(database: Database, counts: Mapping[Seen, int]) -> None:
    """Add these counts to those that are stored, all at once.

    Args:
        database: where they are stored.
        counts: how many requests there were of each; all of them fit.

    Raises:
        Failure: the database cannot be asked. After an `OutcomeUnknown` they may be stored.
    """
    rows = [_row(seen, count) for seen, count in counts.items()]
    rows.sort(key=lambda row: tuple(map(str, row.values())))  # others lock in the same order
    sql = _ADD.format(rows=_ROWS[database.dialect])
    await database.execute(sql, msgspec.json.encode(rows).decode())


async def since(database: Database, days: int) -> Sequence[tuple[Seen, int]]:
    """Return what was seen today and on so many days before, by agent, with its counts."""
    rows = await database.fetch(_SINCE.format(now=NOW[database.dialect]), days)
    return [(_seen(row), int(str(row["count"]))) for row in rows]


async def sweep(database: Database, days: int) -> int:
    """Forget what was seen longer ago than so many days, by the database's clock."""
    return await database.execute(_SWEEP.format(now=NOW[database.dialect]), days)


def _row(seen: Seen, count: int) -> Mapping[str, object]:
    words = {name: ",".join(getattr(seen, name)) for name in _WORDS}
    return {"agent": seen.agent, "day": seen.day, **words, "count": count}


def _seen(row: Row) -> Seen:
    words = (tuple(str(row[name]).split(",")) if row[name] else () for name in _WORDS)
    return Seen(str(row["agent"]), int(str(row["day"])), *words)
