"""Ids of charges stand in the order of time, as those of RFC 9562's version 7 do."""

from __future__ import annotations

from secrets import token_hex
from time import time_ns


def charge_id() -> str:
    """Return a new id: 32 hexadecimal digits, 48 bits of unix milliseconds before 80 random ones.

    Charges of about the same time stand side by side in the ledger's indexes, however many it has;
    nothing else depends on the clock: two of the same millisecond differ all the same.
    """
    return f"{time_ns() // 1_000_000:012x}{token_hex(10)}"
