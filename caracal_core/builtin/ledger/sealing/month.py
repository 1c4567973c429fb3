"""A calendar month in UTC, as the journal is cut into."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from msgspec import Struct

from caracal_core.builtin.ledger.sealing.days import day_of

_TEXT = re.compile(r"([0-9]{4})-([0-9]{2})", re.ASCII)


class Month(Struct, frozen=True, order=True):
    """One month of one year.

    Attributes:
        year: from 1 to 9998.
        number: from 1 to 12.
    """

    year: int
    number: int

    def __str__(self) -> str:
        """Return it as ``2026-01``."""
        return f"{self.year:04}-{self.number:02}"

    @property
    def starts(self) -> float:
        """Its first instant, in unix seconds."""
        return datetime(self.year, self.number, 1, tzinfo=UTC).timestamp()

    @property
    def ends(self) -> float:
        """The first instant behind it."""
        return self.next.starts

    @property
    def days(self) -> tuple[int, int]:
        """Its first day and the first one behind it, counted from 1970-01-01."""
        return day_of(self.starts), day_of(self.ends)

    @property
    def next(self) -> Month:
        """The month behind it."""
        return Month(self.year + self.number // 12, self.number % 12 + 1)


def month_of(instant: float) -> Month:
    """Return the month that an instant, in unix seconds, lies in."""
    moment = datetime.fromtimestamp(instant, UTC)
    return Month(moment.year, moment.month)


def parse_month(text: str) -> Month:
    """Read what `Month` prints.

    Raises:
        ValueError: it is no month.
    """
    found = _TEXT.fullmatch(text)
    year, number = map(int, found.groups()) if found else (0, 0)
    if not (0 < year < 9999 and 0 < number <= 12):  # noqa: PLR2004 - the calendar's
        raise ValueError(f"{text!r} is no month; write it like 2026-01")
    return Month(year, number)
