"""The revocation lists in force: read at the start, followed, and asked on every request."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from caracal_auth_mtls import crl
from caracal_auth_mtls.crl import Crl, Unfit
from caracal_auth_mtls.facts import Link, Signer
from caracal_auth_mtls.trust import Trust
from caracal_core.errors import Misconfigured, Unauthenticated
from caracal_core.following import SECONDS
from caracal_core.own_thread import in_own_thread
from caracal_core.ports import Clock, Counter, Metrics
from caracal_core.reading import READ_SECONDS, Reading, Unread

POLL_SECONDS = SECONDS
"""How often the files are looked at. They are not followed by `caracal_core.following`, whose
rule is that the last good state stays in force: here a broken state refuses everybody."""

WHERE = "auth_mtls.crl_file (MTLS_CRL_FILE)"


class Revocation:
    """Lists that follow their files. Where one is broken or expired, nobody is believed.

    It is a `FileReader` and a `HealthCheck` of the plugin's, too.

    Args:
        paths: the files; without any, nothing is ever refused here.
        trust: tells the authorities, whose lists they mostly are.
        clock: tells the time.
    """

    name = "crl"

    def __init__(self, paths: Sequence[Path], trust: Trust, clock: Clock) -> None:
        self._paths, self._trust, self._clock = tuple(paths), trust, clock
        self._lists: tuple[Crl, ...] = ()
        self._contents: tuple[bytes, ...] | None = None
        self._fault = "no revocation list was read yet" if paths else ""
        self._told = ""
        self._reading = Reading(lambda: self.read())  # noqa: PLW0108 - whichever it is then

    @property
    def next_update(self) -> float:
        """When the first of the lists expires, in unix seconds; 0 where there is none."""
        return min((each.next_update for each in self._lists), default=0.0)

    def judge(self, links: Sequence[Link], now: float) -> None:
        """Accept a chain of which every certificate's issuer has a valid list without it.

        Raises:
            Unauthenticated: a certificate is revoked, or it cannot be told.
        """
        if not self._paths:
            return
        if fault := self.fault(now):
            raise Unauthenticated(fault)
        for link in links:
            lists = [each for each in self._lists if each.is_from(link.signer)]
            if not lists:
                raise Unauthenticated("there is no revocation list of a certificate's issuer")
            if any(link.serial in each.revoked for each in lists):
                raise Unauthenticated("a certificate is revoked")

    def fault(self, now: float) -> str:
        """Say why nobody can be believed, or nothing while all lists are valid."""
        if self._fault:
            return self._fault
        if any(each.next_update <= now for each in self._lists):
            return "a revocation list has expired"
        if any(each.this_update > now for each in self._lists):
            return "a revocation list is not valid yet"
        return ""

    async def check(self) -> str | None:
        return self.fault(self._clock.now()) or None

    async def read(self) -> bool:
        """Read the files; return whether other lists are in force now.

        Raises:
            Misconfigured: one cannot be read or relied on. From now on nobody is believed.
        """
        try:
            contents = await in_own_thread(self._read, ", ".join(map(str, self._paths)))
            if contents == self._contents:
                return False
            lists = await in_own_thread(partial(self._load, contents))
        except Unfit as unfit:
            self._contents, self._fault = None, f"a revocation list is unusable: {unfit}"
            raise Misconfigured(WHERE, str(unfit), "Give each issuer's newest full list.") from None
        self._lists, self._contents, self._fault = lists, contents, ""
        return True

    async def follow(self, log: logging.Logger, metrics: Metrics) -> None:
        """Look at the files every `POLL_SECONDS`, for ever."""
        for result in ("taken_up", "refused"):
            _changes(metrics, result)  # published as 0 from the start, so that alerts can rise
        while True:
            await self.look(log, metrics)
            await asyncio.sleep(POLL_SECONDS)

    async def look(self, log: logging.Logger, metrics: Metrics) -> None:
        """Take up changed files; tell once of each fault, and refuse until it is mended."""
        try:
            if await self._reading.read(READ_SECONDS):
                _changes(metrics, "taken_up").add()
                log.info("changed revocation lists were taken up")
        except Misconfigured:
            pass  # it is the fault that is told below
        except Unread as error:  # whatever it is, whoever follows must never stop following
            self._contents, self._fault = None, f"reading the lists {error}"
        fault = self.fault(self._clock.now())
        if fault and fault != self._told:
            _changes(metrics, "refused").add()
            log.error("%s: nobody is proved by a certificate until this is mended", fault)
        self._told = fault

    def _read(self) -> tuple[bytes, ...]:
        return tuple(map(_content, self._paths))

    def _load(self, contents: Sequence[bytes]) -> tuple[Crl, ...]:
        return tuple(
            self._known(path, each)
            for path, content in zip(self._paths, contents, strict=True)
            for each in _lists(path, content)
        )

    def _known(self, path: Path, found: Crl) -> Crl:
        """Refuse a list that bears an authority's name and not its signature."""
        signers: Sequence[Signer] = self._trust.signers_of(found.issuer)
        if signers and not any(map(found.is_from, signers)):
            raise Unfit(f"{path} holds a list that its issuer did not sign")
        return found


def _lists(path: Path, content: bytes) -> Sequence[Crl]:
    try:
        return crl.load(content)
    except Unfit as unfit:
        raise Unfit(f"{path} {unfit}") from None


def _content(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(crl.BYTES_MAX + 1)
    except OSError as error:
        raise Unfit(f"{path} cannot be read ({error.strerror or type(error).__name__})") from None


def _changes(metrics: Metrics, result: str) -> Counter:
    return metrics.counter("crl_changes", "Changes of the revocation lists' state.", result=result)
