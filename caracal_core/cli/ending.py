"""The end of a process: what cannot be cancelled does not keep it alive."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Coroutine
from typing import Any

import uvloop

STUCK_SECONDS = 5.0
"""How long tasks that were left behind may take to be cancelled."""

_log = logging.getLogger("caracal.ending")


def run_to_the_end(work: Coroutine[Any, Any, None]) -> None:
    """Run on uvloop until the work is done, and then end, come what may.

    A plugin's part that swallows its cancellation would otherwise be waited for without end,
    and the supervisor's kill would come. Everything durable is written before this. Nothing is
    logged after it.
    """
    try:
        uvloop.run(_ended(work))
    finally:
        logging.shutdown()  # the last records stand before whatever else is said


async def _ended(work: Coroutine[Any, Any, None]) -> None:
    failure: BaseException | None = None
    try:
        await work
    except BaseException as error:
        failure = error
        raise
    finally:
        left = asyncio.all_tasks() - {asyncio.current_task()}
        for task in left:
            task.cancel()
        stuck = (await asyncio.wait(left, timeout=STUCK_SECONDS))[1] if left else set()
        if stuck:
            names = ", ".join(sorted(task.get_name() for task in stuck))
            if failure is not None:
                _log.error("%s: %s", type(failure).__name__, failure)
            _log.error("tasks cannot be cancelled, and the process ends without them: %s", names)
            logging.shutdown()
            os._exit(1)
