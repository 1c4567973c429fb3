"""One request at an upstream; its reply may be waited for though its client is gone."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, suppress
from functools import partial
from types import TracebackType
from typing import TypeAlias

from caracal_core.domain import Reply
from caracal_core.errors import Failure, UpstreamTimeout
from caracal_core.stages.deadline import TICK_SECONDS, Due
from caracal_core.stages.part import Part
from caracal_core.stages.upload import Upload

CLOSE_SECONDS = 5.0
"""How long an upstream may take to end its work once the context is left."""

Left: TypeAlias = Callable[[Callable[[], Awaitable[Reply]]], Awaitable[None]]
"""What is awaited once a client hung up before the reply's head, given what waits for that."""


class Sending:
    """One request at an upstream, as an asynchronous context manager.

    Args:
        name: the upstream, for failures.
        context: the upstream's own.
        upload: the request's body, if it has one.
        seconds: how long the reply's head may take.
        due: the exchange's deadlines.
        left: awaited where the client hangs up before that head; None ends the work then.
    """

    __slots__ = ("_context", "_due", "_left", "_name", "_seconds", "_upload")

    def __init__(
        self,
        name: str,
        context: AbstractAsyncContextManager[Reply],
        upload: Upload | None,
        seconds: float,
        due: Due,
        left: Left | None,
    ) -> None:
        self._name = name
        self._context = context
        self._upload = upload
        self._seconds = seconds
        self._due = due
        self._left = left

    async def __aenter__(self) -> Reply:
        """Return the upstream's reply; it hears of the request once a body has begun.

        Raises:
            RequestTimeout: the client's body does not come.
            UpstreamTimeout: its head did not come in time; progress of an upload restarts
                that time.
            UpstreamUnreachable: it refused, reset, or broke HTTP.
        """
        if self._upload is not None:
            await self._upload.begin()
        if self._left is None:
            return await self._in_time(self._context.__aenter__)
        return await self._enter_apart(self._left)

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        leave = Part(self._name, self._context.__aexit__, (object,), CLOSE_SECONDS)
        try:
            await leave(self._due, kind, error, trace)
        except Failure:
            if error is None:
                raise

    async def _in_time(self, head: Callable[[], Awaitable[Reply]]) -> Reply:
        return await Part(self._name, head, (Reply,), self._seconds, late=_no_head)(self._due)

    async def _enter_apart(self, left: Left) -> Reply:
        """Enter in a task of its own, which who hangs up does not end."""
        entering = asyncio.create_task(_outcome(self._context), name="reply awaited")
        head = partial(_head, entering)
        try:
            return await self._in_time(head)
        except BaseException as error:
            if not self._due.runs:
                entering.cancel()
                raise  # the coroutine is being closed; nothing can be waited for
            if self._due.abandoned and not self._due.dismissed:
                await left(head)
            await self._end(entering, error)
            raise

    async def _end(self, entering: asyncio.Task[object], error: BaseException) -> None:
        """End the work at the upstream, whether it replied by now or not."""

        async def end() -> None:
            while not entering.done():
                entering.cancel()
                await asyncio.wait({entering}, timeout=TICK_SECONDS)
            if not entering.cancelled() and not isinstance(entering.result(), BaseException):
                await self._context.__aexit__(type(error), error, error.__traceback__)

        with suppress(Failure, asyncio.CancelledError):
            await Part(self._name, end, (object,), CLOSE_SECONDS)(self._due)


async def _outcome(context: AbstractAsyncContextManager[Reply]) -> object:
    """Return the reply, or what was raised, which in a task could end the process."""
    try:
        return await context.__aenter__()
    except BaseException as error:  # noqa: BLE001 - it is raised where somebody waits
        return error


async def _head(entering: asyncio.Task[object]) -> Reply:
    """Wait for the reply; that may be cancelled, and does not end the work."""
    await asyncio.wait({entering})
    came = entering.result()
    if isinstance(came, BaseException):
        raise came
    return came  # type: ignore[return-value]  # what else it may be, its caller finds out


def _no_head(part: str, internal: str) -> UpstreamTimeout:
    """Say what it was that did not come in time."""
    return UpstreamTimeout(part, f"its reply's head {internal}")
