"""What may hang in the system's hands, such as a read on a dead mount, hangs alone.

The loop's default executor is not for it: its threads are few, they are waited for at the end,
and one in such a read does not even hear a signal.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from contextvars import copy_context
from pathlib import Path
from threading import Thread
from typing import NoReturn, TypeVar

from caracal_core.errors import Misconfigured

T = TypeVar("T")

LEFT_MAX = 2
"""How many threads that hang over the same file are left behind before no further one begins.

It is not one: a mount that was repaired may leave the read that hung in it hanging for ever.
"""

_left: dict[str, list[Thread]] = {}  # threads are the process's, whoever left them behind


async def in_own_thread(work: Callable[[], T], file: str | Path | None = None) -> T:
    """Do the work in a thread of its own, which never keeps the process alive.

    Whoever is cancelled leaves the thread behind, and what it comes to is dropped. There is no
    limit of time here: the caller has one.

    Args:
        work: what to do.
        file: what it reads, if it is one file. Of those that hang in it, only `LEFT_MAX` are left
            behind, however often somebody tries.

    Returns:
        What the work returns.

    Raises:
        Misconfigured: so many hang in this file.
        BaseException: whatever the work raises.
    """
    name = str(file or "")
    if len(_hanging(name)) >= LEFT_MAX:
        raise Misconfigured(
            name,
            f"it is not read again, for {LEFT_MAX} earlier attempts hang still",
            "Repair its mount, or name another file.",
        )
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

    thread = Thread(target=run, name="caracal-own", daemon=True)
    thread.start()
    try:
        outcome = await ended
    except asyncio.CancelledError:
        if name:
            _left[name] = [*_hanging(name), thread]
        raise
    return outcome()


def _hanging(name: str) -> list[Thread]:
    """Return the threads that were left behind over a file and live; forget the others."""
    living = [thread for thread in _left.pop(name, ()) if thread.is_alive()]
    if living:
        _left[name] = living
    return living


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
