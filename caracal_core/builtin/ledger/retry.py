"""What the store failed is tried again, ever less often."""

from __future__ import annotations

import random

FIRST_PAUSE_SECONDS = 0.02
LONGEST_PAUSE_SECONDS = 2.0
_DOUBLINGS = 32
"""More change nothing; it keeps the numbers small."""


def pause(failed: int) -> float:
    """Return for how many seconds to leave alone what failed so often before.

    Between a half and the whole of a time that doubles up to a bound, so that several that failed
    together do not come back together.
    """
    longest = min(FIRST_PAUSE_SECONDS * (1 << min(failed, _DOUBLINGS)), LONGEST_PAUSE_SECONDS)
    return longest * random.uniform(0.5, 1)  # noqa: S311 - spreads, keeps no secret
