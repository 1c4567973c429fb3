"""Schemes on trial: whom they would prove is noted, and they have no say in anything.

They are asked once nonce, timestamp and policies were judged, so that their time changes no answer,
and before money is held.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Sequence
from typing import NoReturn

from msgspec import Struct
from msgspec.structs import replace

from caracal_core.domain import Principal, Request
from caracal_core.errors import Failure, Refusal
from caracal_core.ports import Clock
from caracal_core.stages.deadline import Due
from caracal_core.stages.part import Part
from caracal_core.stages.proof import check_proof

PAUSE_SECONDS = 30.0
"""How long a scheme that broke or was late is left alone, so that it delays few calls."""

_log = logging.getLogger("caracal.trial")


class Candidate(Struct, frozen=True):
    """One scheme on trial.

    Attributes:
        name: the scheme's.
        authenticator: what would prove it.
    """

    name: str
    authenticator: Part[Principal | None]


class Outcome(Struct, frozen=True):
    """What the schemes on trial made of one request.

    A scheme whose credential was not shown, that broke or was late, or that pauses for it, is in
    neither.

    Attributes:
        proved: the schemes that proved the very agent that was let in.
        refused: the schemes whose credential was shown and bad, revoked, or another agent's.
    """

    proved: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()


NOTHING = Outcome()


class Trial:
    """Has the schemes on trial verify what an agent shows that was let in already.

    Args:
        candidates: the schemes on trial, in the operator's order.
        revocations: knows the revoked credentials.
        clock: tells when a pause is over.
    """

    def __init__(
        self, candidates: Sequence[Candidate], revocations: Part[bool], clock: Clock
    ) -> None:
        self._candidates = tuple(candidates)
        self._revocations = revocations
        self._clock = clock
        self._paused_until: dict[str, float] = {}

    async def judge(self, request: Request, principal: Principal, due: Due) -> Outcome:
        """Return what they made of it; none of them can harm the request.

        Raises:
            CancelledError: the client is gone.
        """
        if not self._candidates:
            return NOTHING
        bare = replace(request, body=_Withheld())  # it is the upstream's, and is read once
        proved: list[str] = []
        refused: list[str] = []
        for candidate in self._candidates:
            if self._pauses(candidate):
                continue
            try:
                good = await self._proves(candidate, bare, principal, due)
            except Refusal:
                good = False
            except Failure as failure:
                self._pause(candidate, failure)
                continue
            if good is not None:
                (proved if good else refused).append(candidate.name)
        return Outcome(tuple(proved), tuple(refused))

    def _pauses(self, candidate: Candidate) -> bool:
        return self._clock.monotonic() < self._paused_until.get(candidate.name, 0.0)

    def _pause(self, candidate: Candidate, failure: Failure) -> None:
        """Leave it alone for a while, and say so once for all the requests that met the same."""
        if self._pauses(candidate):
            return
        self._paused_until[candidate.name] = self._clock.monotonic() + PAUSE_SECONDS
        _log.warning(
            "%s, on trial, is not asked for %g s: %s", candidate.name, PAUSE_SECONDS, failure
        )

    async def _proves(
        self, candidate: Candidate, request: Request, principal: Principal, due: Due
    ) -> bool | None:
        """Return whether it proves this agent, or None where it was shown nothing."""
        proof = await candidate.authenticator(due, request)
        if proof is None:
            return None
        check_proof(candidate.authenticator.name, candidate.name, proof)
        return proof.id == principal.id and not await self._revocations(due, proof)


class _Withheld:
    """A body that a scheme on trial cannot read."""

    @property
    def length(self) -> int | None:
        return None

    @property
    def whole(self) -> bool:
        return False

    @property
    def count(self) -> int:
        return 0

    def cap(self, most: int) -> None:  # noqa: ARG002 - the port's
        _withhold()

    async def peek(self, most: int) -> bytes:  # noqa: ARG002 - the port's
        _withhold()

    def __aiter__(self) -> AsyncIterator[bytes]:
        _withhold()


def _withhold() -> NoReturn:
    raise Failure("trial", "a scheme on trial may not look at the body")
