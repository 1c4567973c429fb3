"""The end of a process: what cannot be cancelled, and threads that hang, do not keep it alive."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import uvloop

from caracal_core.own_thread import in_own_thread

STUCK_SECONDS = 5.0
"""How long tasks that were left behind may take to be cancelled, and threads to end."""

T = TypeVar("T")

_log = logging.getLogger("caracal.ending")


def run_to_the_end(work: Coroutine[Any, Any, T]) -> T:
    """Run on uvloop until the work is done, and then end, come what may.

    A plugin's part that swallows its cancellation, or a thread in a dead mount, would otherwise
    be waited for without end, and the supervisor's kill would come. Everything durable is
    written before this. Nothing is logged after it. The threads that are left are not joined
    here; `caracal_core.cli.leaving` ends the process in spite of them.

    Returns:
        What the work returns.
    """
    try:
        return uvloop.run(_ended(work))
    finally:
        logging.shutdown()  # the last records stand before whatever else is said


async def _ended(work: Coroutine[Any, Any, T]) -> T:
    threads = ThreadPoolExecutor(thread_name_prefix="asyncio")  # as the loop's own would be
    asyncio.get_running_loop().set_default_executor(threads)
    failure: BaseException | None = None
    try:
        return await work
    except BaseException as error:
        failure = error
        raise
    finally:
        await _end_tasks(failure)
        await _end_threads(threads)


async def _end_tasks(failure: BaseException | None) -> None:
    """Cancel what tasks are left; end the process here if one does not hear it."""
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


async def _end_threads(threads: ThreadPoolExecutor) -> None:
    """Wait for the default executor's threads; the loop itself would wait for ever."""
    ending = asyncio.create_task(in_own_thread(threads.shutdown), name="threads")
    await asyncio.wait([ending], timeout=STUCK_SECONDS)
    if not ending.done():
        _log.error("threads do not end, and the process ends without them")
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor())  # has no thread
