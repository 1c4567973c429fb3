"""Can the house serve? Its health checks, asked together and not more often than needed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence

from msgspec import Struct

from caracal_core.ports import Clock, HealthCheck

CHECK_SECONDS = 2.0
"""How long a check may take."""

FRESH_SECONDS = 1.0
"""How old an answer may be: however many probes come, checks run once in this time."""

FAULT_MAX = 300
"""The longest sentence about a fault; anybody who reaches the port can read it."""

_log = logging.getLogger("caracal.readiness")


class Finding(Struct, frozen=True):
    """What one check said.

    Attributes:
        name: the check's name.
        fault: what is wrong; None while it is well.
    """

    name: str
    fault: str | None


class Readiness:
    """Asks the health checks.

    Args:
        checks: gives those of the running configuration.
        clock: tells how old an answer is.
    """

    def __init__(self, checks: Callable[[], Sequence[HealthCheck]], clock: Clock) -> None:
        self._checks = checks
        self._clock = clock
        self._running: dict[int, asyncio.Task[object]] = {}
        self._round: asyncio.Task[Sequence[Finding]] | None = None
        self._findings: Sequence[Finding] = (Finding("gateway", "is starting"),)
        self._found_at = float("-inf")

    @property
    def ready(self) -> bool:
        """Whether nothing was wrong when the checks were asked last; asks them anew if stale.

        It never waits. Until the first answers are here, the house is not ready.
        """
        if self._is_stale():
            self._begin()
        return not any(finding.fault for finding in self._findings)

    async def findings(self) -> Sequence[Finding]:
        """Return what each check says, at most a second ago."""
        if self._is_stale():
            return await asyncio.shield(self._begin())
        return self._findings

    def _is_stale(self) -> bool:
        return self._clock.monotonic() - self._found_at >= FRESH_SECONDS

    def _begin(self) -> asyncio.Task[Sequence[Finding]]:
        """Return the round that is running, or a new one."""
        if self._round is None or self._round.done():
            self._round = asyncio.create_task(self._ask_all(), name="health checks")
        return self._round

    async def _ask_all(self) -> Sequence[Finding]:
        checks = self._checks()
        faults = await asyncio.gather(*(self._ask(check) for check in checks))
        found = tuple(
            Finding(check.name, fault) for check, fault in zip(checks, faults, strict=True)
        )
        if found != self._findings:
            _tell(found)
        self._findings, self._found_at = found, self._clock.monotonic()
        return found

    async def _ask(self, check: HealthCheck) -> str | None:
        """Return what is wrong; a check that is still at its last answer is not asked again."""
        task = self._running.get(id(check))
        if task is None:
            task = asyncio.create_task(_call(check))
            self._running[id(check)] = task
            task.add_done_callback(lambda _: self._running.pop(id(check)))
        await asyncio.wait([task], timeout=CHECK_SECONDS)
        if not task.done():
            task.cancel()
            return f"took longer than {CHECK_SECONDS:g} s"
        return _fault(task)


async def _call(check: HealthCheck) -> object:
    try:
        return await check.check()
    except BaseException as error:  # noqa: BLE001 - SystemExit would end the whole process
        return f"raised {type(error).__name__}"


def _fault(task: asyncio.Task[object]) -> str | None:
    """Read a check's answer; whatever it is but None, something is wrong."""
    answer = task.result()
    if answer is None:
        return None
    if isinstance(answer, str):
        return answer[:FAULT_MAX] or "is not well"
    return f"answered with a {type(answer).__name__}"


def _tell(found: Sequence[Finding]) -> None:
    faults = [f"{finding.name} {finding.fault}" for finding in found if finding.fault]
    if faults:
        _log.warning("not ready: %s", "; ".join(faults))
    else:
        _log.info("ready")
