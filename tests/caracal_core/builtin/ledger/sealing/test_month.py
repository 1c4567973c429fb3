"""Months are the calendar's, in UTC."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from caracal_core.builtin.ledger.sealing.month import Month, month_of, parse_month


def test_a_month_is_written_as_it_is_read():
    assert str(parse_month("2026-01")) == "2026-01"
    assert parse_month("2026-01") == Month(2026, 1)


@pytest.mark.parametrize(
    "text", ["", "2026", "2026-1", "2026-00", "2026-13", "0000-01", "9999-12", "2026-01-01", "x"]
)
def test_what_is_none_is_refused(text):
    with pytest.raises(ValueError, match="write it like 2026-01"):
        parse_month(text)


def test_it_goes_from_its_first_instant_to_the_next_ones():
    december = Month(2026, 12)
    assert december.next == Month(2027, 1)
    assert december.starts == datetime(2026, 12, 1, tzinfo=UTC).timestamp()
    assert december.days[1] - december.days[0] == 31
    assert month_of(december.starts) == month_of(december.ends - 0.001) == december
    assert month_of(december.ends) == december.next > december
