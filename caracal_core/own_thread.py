"""What may hang in the system's hands, such as a read on a dead mount, hangs alone.

The loop's default executor is not for it: its threads are few, they are waited for at the end,
and one in such a read does not even hear a signal.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from contextvars import copy_context
from threading import Thread
from typing import NoReturn, TypeVar

T = TypeVar("T")


async def in_own_thread(work: Callable[[], T]) -> T:
    """Do the work in a thread of its own, which never keeps the process alive.

    Whoever is cancelled leaves the thread behind, and what it comes to is dropped. There is no
    limit here: the caller has one, and sees to it that no second thread joins one that hangs
    (`caracal_core.reading`).

    Returns:
        What the work returns.

    Raises:
        BaseException: whatever the work raises.
    """
    loop = asyncio.get_running_loop()
    ended: asyncio.Future[Callable[[], T]] = loop.create_future()
    context = copy_context()

    def end(outcome: Callable[[], T]) -> None:
        if not ended.done():
            ended.set_result(outcome)

    def run() -> None:
        outcome = _outcome(lambda: context.run(work))
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(end, outcome)

    Thread(target=run, name="caracal-own", daemon=True).start()
    return (await ended)()


def _outcome(work: Callable[[], T]) -> Callable[[], T]:
    """Do it, and return what gives its value, or raises what it raised.

    A future takes not every error: `StopIteration` would leave it open for ever.
    """
    try:
        value = work()
    except BaseException as error:  # noqa: BLE001 - it is raised where it was asked for
        return _raising(error)
    return lambda: value


def _raising(error: BaseException) -> Callable[[], NoReturn]:
    def fail() -> NoReturn:
        raise error

    return fail
