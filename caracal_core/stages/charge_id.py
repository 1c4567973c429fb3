"""Ids of charges stand in the order of time, as those of RFC 9562's version 7 do."""

from __future__ import annotations

import os
from struct import Struct
from time import time_ns

_DRAWN = Struct("10s" * 256)
_MILLISECONDS = 2**48 - 1
"""What has room in an id: a clock that is set to before 1970 makes ids, too."""

_random: list[bytes] = []
"""80 random bits for each of the next ids: asking the system for each costs as much as all the
rest. A process that was forked off asks for its own."""
os.register_at_fork(after_in_child=_random.clear)


def charge_id() -> str:
    """Return a new id: 32 hexadecimal digits, 48 bits of unix milliseconds before 80 random ones.

    Charges of about the same time stand side by side in the ledger's indexes, however many it has;
    nothing else depends on the clock: two of the same millisecond differ all the same.
    """
    try:
        random = _random.pop()
    except IndexError:
        random, *others = _DRAWN.unpack(os.urandom(_DRAWN.size))
        _random.extend(others)
    return ((time_ns() // 1_000_000 & _MILLISECONDS).to_bytes(6, "big") + random).hex()
