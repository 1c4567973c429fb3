"""Everything that happens is told, after the client was answered; nobody waits for it."""

from __future__ import annotations

import asyncio
import logging
import re
from collections import deque
from collections.abc import Callable, Sequence
from time import monotonic
from types import TracebackType

from caracal_core.domain import Decision, Exchange, Principal, Request, Route
from caracal_core.domain.credential_kinds import shown
from caracal_core.domain.exchange import CLIENT_GONE
from caracal_core.errors import Answered, Denied, Failure
from caracal_core.ports import Counter
from caracal_core.stages.charging import Hold
from caracal_core.stages.deadline import Due, Warden
from caracal_core.stages.part import Part
from caracal_core.stages.reasons import Reasons
from caracal_core.stages.trial import NOTHING

MOST_WAITING = 10_000
"""Stories that may wait for slow observers; past it the oldest is dropped and counted."""

CLIENT_GONE_STATUS = 499
STOPPED = "the gateway stopped and could not wait for the reply"

_REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}", re.ASCII)
_log = logging.getLogger("caracal.observation")


class Record:
    """What an exchange came to so far; only the corridor writes it."""

    __slots__ = ("decision", "hold", "principal", "route", "status", "trial")

    def __init__(self) -> None:
        self.route: Route | None = None
        self.principal: Principal | None = None
        self.trial = NOTHING
        self.decision: Decision | None = None
        self.hold: Hold | None = None
        self.status: int | None = None


class Observation:
    """Watches exchanges and tells the observers, each in a task and from a queue of its own.

    Args:
        observers: all are told; one that hangs or breaks costs nobody but itself.
        warden: watches over the deadlines of the exchange.
        lost: counts what an observer could not be told.
        reasons: words why an exchange ended as it did.
        own_headers: names of the header fields of schemes' own, which are kinds of credentials.
    """

    def __init__(
        self,
        observers: Sequence[Part[None]],
        warden: Warden,
        lost: Counter,
        reasons: Reasons,
        own_headers: frozenset[str] = frozenset(),
    ) -> None:
        self._telling = [Telling(observer, warden, lost) for observer in observers]
        self.warden = warden
        self.reasons = reasons
        self.own_headers = own_headers

    def watch(self, request: Request) -> Watch:
        """Return the context that an exchange runs in."""
        return Watch(self, request)

    def note(self, exchange: Exchange) -> None:
        """Keep a finished story until every observer was told."""
        for telling in self._telling:
            telling.add(exchange)

    async def tell(self) -> None:
        """Tell the observers, for ever."""
        async with asyncio.TaskGroup() as group:
            for telling in self._telling:
                group.create_task(telling.run(), name=telling.name)

    async def drain(self) -> None:
        """Wait until every story so far was told."""
        for telling in self._telling:
            await telling.idle.wait()


class Telling:
    """One observer, and the stories that wait for it.

    Attributes:
        name: the observer's.
        idle: set while nothing waits.
    """

    def __init__(self, observer: Part[None], warden: Warden, lost: Counter) -> None:
        self._observer = observer
        self._warden = warden
        self._lost = lost
        self._waiting: deque[Exchange] = deque()
        self._wake = asyncio.Event()
        self._behind = False
        self.name = observer.name
        self.idle = asyncio.Event()
        self.idle.set()

    def add(self, exchange: Exchange) -> None:
        """Keep a story; where too many wait, the oldest is dropped and counted."""
        if len(self._waiting) >= MOST_WAITING:
            if not self._behind:
                _log.error("observer %s is too slow: stories are dropped", self.name)
            self._behind = True
            self._waiting.popleft()
            self._lost.add()
        self._waiting.append(exchange)
        self._wake.set()
        self.idle.clear()

    async def run(self) -> None:
        """Tell what waits, for ever."""
        due = self._warden.watch(exchange=False)
        try:
            while True:
                await self._wake.wait()
                self._wake.clear()
                while self._waiting:
                    await self._tell(self._waiting.popleft(), due)
                self._behind = False
                self.idle.set()
        finally:
            self._warden.release(due)

    async def _tell(self, exchange: Exchange, due: Due) -> None:
        try:
            await self._observer(due, exchange)
        except Answered as error:
            self._lost.add()
            _log.warning("observer %s missed exchange %s: %s", self.name, exchange.id, error)


class Watch:
    """One exchange under observation: gives its record and its deadline."""

    __slots__ = ("_due", "_observation", "_record", "_request", "_started")

    def __init__(self, observation: Observation, request: Request) -> None:
        self._observation = observation
        self._request = request

    def __enter__(self) -> tuple[Record, Due]:
        self._started = monotonic()
        self._record = Record()
        self._due = self._observation.warden.watch()
        return self._record, self._due

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._observation.warden.release(self._due)
        seconds = monotonic() - self._started
        if self._due.cut_short(error):
            error = Failure("gateway", STOPPED)
        reasons = self._observation.reasons
        reason = reasons.word(error, self._request.headers)
        kinds = shown(self._request, self._observation.own_headers)
        story = _story(self._request, self._record, error, reasons.hide, reason, kinds, seconds)
        self._observation.note(story)


def _story(
    request: Request,
    record: Record,
    error: BaseException | None,
    hide: Callable[[str], str],
    reason: str | None,
    kinds: tuple[str, ...],
    seconds: float,
) -> Exchange:
    """Freeze what happened; a key that was put into the path or the id is not repeated."""
    route, principal, decision, hold = record.route, record.principal, record.decision, record.hold
    charge = hold.charge if hold else None
    permitted, policy = (decision.permit, decision.policy) if decision else _denial(error)
    return Exchange(
        id=request.id,
        started_at=request.received_at,
        seconds=seconds,
        peer=request.connection.peer,
        method=request.method,
        path=hide(request.path),
        client_id=_client_id(request, hide),
        route=route.id if route else None,
        agent=principal.id if principal else None,
        scheme=principal.scheme if principal else None,
        credential_id=principal.credential if principal else None,
        via=principal.via if principal else (),
        shown=kinds,
        proved=principal.schemes if principal else (),
        trial_proved=record.trial.proved,
        trial_refused=record.trial.refused,
        permitted=permitted,
        policy=policy,
        status=_status(record, error),
        code=_code(error),
        part=error.part if isinstance(error, Failure) else None,
        reason=reason,
        charge=hold.public_id if hold else None,
        price=charge.price or None if charge else None,
        held=charge.amount if charge and hold and hold.reservation else None,
        posted=hold.posted if hold else None,
        basis=hold.basis or None if hold else None,
        cause=hold.cause if hold else None,
    )


def _denial(error: BaseException | None) -> tuple[bool | None, str | None]:
    return (False, error.policy or None) if isinstance(error, Denied) else (None, None)


def _code(error: BaseException | None) -> str | None:
    """Return the stable word for what ended it; a client that hung up was refused nothing."""
    if isinstance(error, Answered):
        return error.code
    return CLIENT_GONE if isinstance(error, asyncio.CancelledError) else None


def _status(record: Record, error: BaseException | None) -> int:
    """Return the status the client got: the reply's, once there was one."""
    if record.status is not None:
        return record.status
    if isinstance(error, Answered):
        return error.status
    return CLIENT_GONE_STATUS if isinstance(error, asyncio.CancelledError) else Failure.status


def _client_id(request: Request, hide: Callable[[str], str]) -> str | None:
    """Return the client's own request id where it is well-formed; it is data, never trusted."""
    sent = request.headers.get("x-request-id")
    return hide(sent) if sent and _REQUEST_ID.fullmatch(sent) else None
