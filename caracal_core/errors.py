"""Refused is not failed: someone decided, or something broke.

Only `caracal_core.edge.outbound` words these for a client. ``detail`` is shown to the
client; ``internal`` stands in the operator's log alone. Neither ever holds a secret.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Literal

from caracal_core.domain import Money

ConflictCode = Literal["idempotency_key_reused", "idempotency_in_flight", "already_charged"]

_CONFLICTS: Mapping[ConflictCode, str] = MappingProxyType(
    {
        "idempotency_key_reused": "This Idempotency-Key came with another request before.",
        "idempotency_in_flight": "The first request with this Idempotency-Key has not ended yet.",
        "already_charged": "A request with this Idempotency-Key was charged already.",
    }
)


class CaracalError(Exception):
    """The root of everything the house raises on purpose."""


class Misconfigured(CaracalError):
    """The house cannot be built; nothing starts and the command exits with 2.

    Args:
        where: the plugin, key or file at fault, such as ``routes[0].upstream``.
        what: what is wrong with it, without any secret.
        mend: what the operator can do about it.
    """

    def __init__(self, where: str, what: str, mend: str) -> None:
        super().__init__(f"{where}: {what}. {mend}")
        self.where, self.what, self.mend = where, what, mend


class Answered(CaracalError):
    """An exchange that ends with an answer of the gateway's own.

    Attributes:
        status: the HTTP status.
        code: the stable word of RFC 9457 problem details.
        detail: one sentence for the client.
        internal: why, for the operator; empty where the detail says it all.
    """

    status: int = 500
    code: str = "unavailable"
    detail: str = ""
    internal: str = ""

    def __init__(self, detail: str = "") -> None:
        super().__init__(detail or self.detail)
        if detail:
            self.detail = detail

    @property
    def reason(self) -> str:
        """Why, for the operator."""
        return self.internal or self.detail

    def headers(self) -> Sequence[tuple[str, str]]:
        """Return the header fields that belong to this answer, names in lower case."""
        return ()

    def members(self) -> dict[str, str]:
        """Return the extra members of the problem document."""
        return {}


class Refusal(Answered):
    """Someone decided against the request."""


class BadRequest(Refusal):
    """The request is malformed (400); where the framing is in doubt the connection closes."""

    status, code, detail = 400, "bad_request", "The request is malformed."


class Unauthenticated(Refusal):
    """No credential proved an agent (401). One wording for every reason.

    Raise it from an authenticator for a credential that is yours and bad. The reason goes
    to the operator's log, never to the client.
    """

    status, code, detail = 401, "unauthenticated", "No valid credential was presented."

    def __init__(self, reason: str = "", *, challenges: Sequence[str] = ()) -> None:
        super().__init__()
        self.internal = reason
        self.challenges = tuple(challenges)

    def headers(self) -> Sequence[tuple[str, str]]:
        return [("www-authenticate", challenge) for challenge in self.challenges]


class NonceMissing(Refusal):
    """The route requires a nonce and there is none (401)."""

    status, code = 401, "nonce_missing"
    detail = "This route requires X-Caracal-Nonce and X-Caracal-Timestamp."


class TimestampOutOfWindow(Refusal):
    """The timestamp is too old or too far ahead for the nonce to be judged (401).

    Args:
        detail: for the client, where it is not the header's timestamp.
        reason: how far it is off, for the operator.
    """

    status, code = 401, "timestamp_out_of_window"
    detail = "X-Caracal-Timestamp is outside the accepted window."

    def __init__(self, detail: str = "", *, reason: str = "") -> None:
        super().__init__(detail)
        self.internal = reason


class BudgetExceeded(Refusal):
    """The hold does not fit a budget (402).

    Args:
        needed: the amount of the hold.
        account: the account that was short.
        window: its window: ``hour``, ``day``, ``week``, ``month`` or ``total``; empty where
            no account on the path has a budget in the currency.
        available: what was left; given only where the short account is the agent's own.
        left: what was left, wherever it was; the operator's log alone says it.
    """

    status, code, detail = 402, "budget_exceeded", "The budget does not cover this call."

    def __init__(
        self,
        needed: Money,
        account: str,
        window: str = "",
        available: Money | None = None,
        left: Money | None = None,
    ) -> None:
        cost = f"{needed.decimal} {needed.currency}"
        super().__init__(
            f"The budget of {account} for the {window} does not cover this call's {cost}."
            if window
            else f"No budget in {needed.currency} covers this call's {cost}."
        )
        self.needed, self.account, self.window = needed, account, window
        self.available = available
        known = available if left is None else left
        rest = f", and {known.decimal} are left" if known is not None else ""
        place = f"budget of {account} for the {window}" if window else f"budget of {account}"
        self.internal = f"{cost} do not fit a {place}{rest}"

    def headers(self) -> Sequence[tuple[str, str]]:
        return [("x-should-retry", "false")]

    def members(self) -> dict[str, str]:
        shown = {
            "needed": self.needed.decimal,
            "currency": self.needed.currency,
            "account": self.account,
            "window": self.window,
        }
        if self.available is not None:
            shown["available"] = self.available.decimal
        return shown


class Denied(Refusal):
    """A policy denied it, or none permitted it, or the target may not be dialled (403).

    Args:
        reason: why, for the operator; the client is told only that it was denied.
        policy: id of the policy that decided; empty where none permitted.
    """

    status, code, detail = 403, "denied", "This agent may not do this."

    def __init__(self, reason: str = "", *, policy: str = "") -> None:
        super().__init__()
        self.internal, self.policy = reason, policy

    def headers(self) -> Sequence[tuple[str, str]]:
        return [("x-should-retry", "false")]


class NoRoute(Refusal):
    """No route matches the path (404)."""

    status, code, detail = 404, "no_route", "No route matches this path."


class MethodNotAllowed(Refusal):
    """The route exists, the method is not among its own (405)."""

    status, code, detail = 405, "method_not_allowed", "This route does not accept the method."

    def __init__(self, allowed: Sequence[str]) -> None:
        super().__init__()
        self.allowed = tuple(allowed)

    def headers(self) -> Sequence[tuple[str, str]]:
        return [("allow", ", ".join(self.allowed))]


class RequestTimeout(Refusal):
    """The client sends its request too slowly (408); the connection closes."""

    status, code, detail = 408, "request_timeout", "The request did not arrive in time."


class Replayed(Refusal):
    """The nonce, or a credential for single use, was used before (409)."""

    status, code, detail = 409, "replayed", "This nonce was already used."

    def headers(self) -> Sequence[tuple[str, str]]:
        return [("x-should-retry", "false")]


class IdempotencyConflict(Refusal):
    """The client's ``Idempotency-Key`` stands for a request that is not to be done again (409).

    Args:
        code: ``idempotency_key_reused`` where the key came with another method, target or body;
            ``idempotency_in_flight`` where the first attempt has not ended; ``already_charged``
            where an attempt was charged, whatever became of its reply.
        charge: public id of the charge that the key stands for.
    """

    status = 409

    def __init__(self, code: ConflictCode, charge: str = "") -> None:
        super().__init__(_CONFLICTS[code])
        self.code, self.charge = code, charge

    def headers(self) -> Sequence[tuple[str, str]]:
        return [("x-should-retry", "false")]

    def members(self) -> dict[str, str]:
        return {"charge": self.charge} if self.charge else {}


class PayloadTooLarge(Refusal):
    """The body is longer than the route allows (413); the connection closes."""

    status, code, detail = 413, "payload_too_large", "The request body is too large."


class UpgradeRefused(Refusal):
    """The client asked to switch protocols (426); only HTTP/1.1 is spoken here."""

    status, code, detail = 426, "upgrade_refused", "Only HTTP/1.1 is spoken here."

    def headers(self) -> Sequence[tuple[str, str]]:
        return [("upgrade", "HTTP/1.1"), ("connection", "upgrade")]


class Failure(Answered):
    """Something broke; the gateway fails closed (503).

    Args:
        part: the plugin and role that broke, such as ``auth_jwt authenticator``; for the
            operator.
        internal: what happened, for the operator, without any secret.
    """

    status, code, detail = 503, "unavailable", "The gateway cannot answer this at the moment."

    def __init__(self, part: str, internal: str) -> None:
        super().__init__()
        self.part, self.internal = part, internal

    def __str__(self) -> str:
        return f"{self.part}: {self.internal}"


class UpstreamUnreachable(Failure):
    """The upstream refused, reset, or ended the connection without an answer (502)."""

    status, code, detail = 502, "upstream_unreachable", "The upstream could not be reached."


class UpstreamBrokenReply(UpstreamUnreachable):
    """The upstream answered, and that is no whole reply in HTTP that can be passed on (502)."""

    code, detail = "upstream_broken_reply", "The upstream's reply could not be read."


class UpstreamTimeout(Failure):
    """The upstream did not begin its reply in time (504)."""

    status, code, detail = 504, "upstream_timeout", "The upstream did not answer in time."
