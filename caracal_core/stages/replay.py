"""A request may be said once: what it says once is claimed, after authentication, per principal."""

from __future__ import annotations

import re

from msgspec import Struct

from caracal_core.domain import Nonce, Once, Principal, Request, Route
from caracal_core.domain.nonce import VALUE
from caracal_core.errors import (
    BadRequest,
    Failure,
    NonceMissing,
    Replayed,
    TimestampOutOfWindow,
)
from caracal_core.ports import Clock
from caracal_core.stages.deadline import Due
from caracal_core.stages.part import Part

SPENT_MAX = 10_000
"""Credentials that this process surely knows to be used."""

_USED = "This credential was already used."
_TIMESTAMP = re.compile(r"[0-9]{1,12}", re.ASCII)


class Window(Struct, frozen=True):
    """When a timestamp is believed, in seconds.

    Attributes:
        past: how old it may be.
        future: how far ahead the client's clock may be.
        remember: how long a nonce is kept; at least ``past + future``, or a replay would be
            accepted between the two.
    """

    past: float
    future: float
    remember: float


class Replay:
    """Claims what a credential says once, and the nonce as the route demands."""

    def __init__(self, guard: Part[bool] | None, window: Window, clock: Clock) -> None:
        """Take the guard, or None where the operator switched replay protection off."""
        self._guard = guard
        self._window = window
        self._clock = clock
        self._spent: dict[tuple[str, str], None] = {}

    async def claim(self, request: Request, principal: Principal, route: Route, due: Due) -> None:
        """Claim the nonce, and what the principal's credentials say once, whatever the route.

        All that can be judged without the guard is judged before anything is claimed. The nonce is
        claimed first: where it was used, the credential is still good, and where the credential
        was, the client has lost a word of its own making. Who goes on showing a credential that
        was used does not fill the guard with nonces: that it was is known from the second time on.

        Raises:
            Failure: a credential is for single use, and replay protection is switched off.
            NonceMissing: the route requires a nonce and there is none.
            BadRequest: the nonce or the timestamp is malformed, sent twice, or alone.
            TimestampOutOfWindow: it is too old or too far ahead to judge.
            Replayed: it was used before.
        """
        guard = self._guard
        if guard is None:
            if principal.once:
                raise Failure(
                    "replay", "a credential is for single use, and replay protection is off"
                )
            return
        nonce = self._nonce(request, principal, route)
        credentials = [self._credential(once, principal) for once in principal.once]
        if nonce is not None and not await guard(due, nonce):
            raise Replayed
        for credential in credentials:
            await self._claim_credential(guard, credential, due)

    def _nonce(self, request: Request, principal: Principal, route: Route) -> Nonce | None:
        """Return the request's nonce where the route wants one or takes what there is."""
        rule = route.terms.replay
        if rule == "off":
            return None
        value = _single(request, "x-caracal-nonce", VALUE)
        if value is None:
            if rule == "required":
                raise NonceMissing
            return None
        issued_at = self._timestamp(request)
        return Nonce(principal.id, value, self._clock.now() + self._window.remember, issued_at)

    def _credential(self, once: Once, principal: Principal) -> Nonce:
        """Return a credential as a nonce whose timestamp is the time when it was issued.

        What a guard surely remembers reaches back as far as the window does, so an older
        credential could have been used before. So it is remembered as long as a nonce, and no
        longer: it may prove an agent for a day, and would hold a place in the guard all day.
        """
        try:
            self._check_age(once.issued_at)
        except TimestampOutOfWindow as refusal:
            raise _too_old(refusal) from None
        if (principal.id, once.value) in self._spent:
            raise Replayed(_USED)
        expires_at = self._clock.now() + self._window.remember
        return Nonce(principal.id, once.value, expires_at, once.issued_at)

    async def _claim_credential(self, guard: Part[bool], credential: Nonce, due: Due) -> None:
        try:
            fresh = await guard(due, credential)
        except TimestampOutOfWindow as refusal:
            raise _too_old(refusal) from None
        self._spent[credential.scope, credential.value] = None
        if len(self._spent) > SPENT_MAX:
            del self._spent[next(iter(self._spent))]
        if not fresh:
            raise Replayed(_USED)

    def _timestamp(self, request: Request) -> int:
        """Return when the client says it sent this; outside the window, old nonces could pass."""
        text = _single(request, "x-caracal-timestamp", _TIMESTAMP)
        if text is None:
            raise BadRequest("X-Caracal-Nonce needs X-Caracal-Timestamp, in unix seconds.")
        issued_at = int(text)
        self._check_age(issued_at)
        return issued_at

    def _check_age(self, issued_at: float) -> None:
        age = self._clock.now() - issued_at
        if age > self._window.past:
            raise TimestampOutOfWindow(reason=f"{age:.0f} s old; {self._window.past:g} s pass")
        if -age > self._window.future:
            raise TimestampOutOfWindow(reason=f"{-age:.0f} s ahead; {self._window.future:g} s pass")


def _too_old(refusal: TimestampOutOfWindow) -> TimestampOutOfWindow:
    """Say of a credential what was said of a timestamp."""
    return TimestampOutOfWindow(
        "This credential is for single use and was issued outside the accepted window.",
        reason=f"a credential for single use: {refusal.reason}",
    )


def _single(request: Request, name: str, form: re.Pattern[str]) -> str | None:
    """Return the one value of a header, or None where there is none."""
    values = request.headers.all(name)
    if not values:
        return None
    if len(values) > 1 or not form.fullmatch(values[0]):
        raise BadRequest(f"{name} is malformed or was sent twice.")
    return values[0]
