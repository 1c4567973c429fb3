"""Work that the store failed is tried again, ever less often."""

from __future__ import annotations

import asyncio
import itertools
import random
from collections.abc import Awaitable, Callable
from typing import TypeVar

from caracal_core.builtin.ledger.errors import Conflict
from caracal_core.errors import Refusal

T = TypeVar("T")

FIRST_PAUSE_SECONDS = 0.02
LONGEST_PAUSE_SECONDS = 2.0


async def insist(
    attempt: Callable[[int], Awaitable[T]], gives_up: Callable[[Exception], bool]
) -> T:
    """Return what the attempt gives, however often it has to be made.

    Args:
        attempt: safe to repeat; told how many attempts failed before.
        gives_up: told of each failure; says whether to stop.

    Raises:
        Refusal: the attempt's, at once.
        Conflict: the attempt's, at once.
        Exception: the attempt's last, where ``gives_up`` says so.
    """
    pause = FIRST_PAUSE_SECONDS
    for failed in itertools.count():
        try:
            return await attempt(failed)
        except (Refusal, Conflict):
            raise
        except Exception as error:
            if gives_up(error):
                raise
        await asyncio.sleep(pause * random.uniform(0.5, 1))  # noqa: S311 - spreads, keeps no secret
        pause = min(pause * 2, LONGEST_PAUSE_SECONDS)
    raise AssertionError("it counts for ever")
