"""Ids of charges stand in the order of time, as those of RFC 9562's version 7 do."""

from __future__ import annotations

import os
from time import time_ns

_DIGITS = 20
_AT_ONCE = 256

_random: list[str] = []
"""Random digits for the next ids: asking the system for each costs as much as all the rest.
A process that was forked off asks for its own."""
os.register_at_fork(after_in_child=_random.clear)


def charge_id() -> str:
    """Return a new id: 32 hexadecimal digits, 48 bits of unix milliseconds before 80 random ones.

    Charges of about the same time stand side by side in the ledger's indexes, however many it has;
    nothing else depends on the clock: two of the same millisecond differ all the same.
    """
    try:
        digits = _random.pop()
    except IndexError:
        digits = _refill()
    return f"{time_ns() // 1_000_000:012x}{digits}"


def _refill() -> str:
    """Ask the system for random digits; return those of one id, and keep the others."""
    text = os.urandom(_AT_ONCE * _DIGITS // 2).hex()
    first, *others = (text[at : at + _DIGITS] for at in range(0, len(text), _DIGITS))
    _random.extend(others)
    return first
