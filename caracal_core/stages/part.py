"""One verb of one plugin's part, called under a deadline; whatever it does, an answer comes."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any, Generic, TypeVar

from caracal_core.errors import Answered, Failure
from caracal_core.stages.deadline import Due

A = TypeVar("A")

_log = logging.getLogger("caracal.parts")


class Part(Generic[A]):
    """A verb resolved at boot, with the answers it may give.

    Args:
        name: plugin and role, such as ``auth_jwt authenticator``.
        verb: what to call; its answer is awaited.
        answers: the types of a proper answer; anything else is junk.
        seconds: how long it may take.
        late: makes what is raised where it takes longer, of the name and what happened.
    """

    __slots__ = ("_answers", "_late", "_verb", "name", "seconds")

    def __init__(
        self,
        name: str,
        verb: Callable[..., Awaitable[A]],
        answers: tuple[type, ...],
        seconds: float,
        late: Callable[[str, str], Failure] = Failure,
    ) -> None:
        self.name = name
        self.seconds = seconds
        self._verb = verb
        self._answers = answers
        self._late = late

    async def __call__(self, due: Due, *arguments: Any) -> A:
        """Return the verb's answer.

        Raises:
            Answered: the verb's own refusal or failure; or a `Failure` where it broke, was
                late, or answered junk.
            CancelledError: the client is gone, which wins over all of these.
        """
        due.start(self.seconds)
        try:
            answer = await self._verb(*arguments)
        except BaseException as error:
            if not due.runs:
                raise  # the coroutine is being closed; nobody waits for an answer
            raise self._verdict(due, error) from error
        gone, late = due.abandoned, due.stop()
        if gone:
            raise asyncio.CancelledError
        if late:
            raise self._late(self.name, f"took longer than {self.seconds:g} s")
        if not isinstance(answer, self._answers):
            raise Failure(self.name, f"answered with a {type(answer).__name__}")
        return answer

    def _verdict(self, due: Due, error: BaseException) -> BaseException:
        """Say what an exception out of the verb means."""
        gone, late = due.abandoned, due.stop()
        if gone:
            return asyncio.CancelledError()
        if late:
            return self._late(self.name, f"took longer than {self.seconds:g} s")
        if isinstance(error, Answered):
            return error
        failure = Failure(self.name, f"raised {type(error).__name__}{_place(error)}")
        # Its message may hold a secret, and its trace ends with it: for DEBUG alone.
        _log.error("%s", failure, exc_info=error if _log.isEnabledFor(logging.DEBUG) else None)
        return failure


def _place(error: BaseException) -> str:
    """Name the line that raised; the message stays out, since it may hold a secret."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return ""
    code = trace.tb_frame.f_code
    return f" in {code.co_qualname}, line {trace.tb_lineno}"
