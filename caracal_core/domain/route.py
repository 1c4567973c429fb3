"""Where a request goes and on what terms."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

ReplayRule = Literal["required", "when_present", "off"]
Ending = Literal["post", "void"]
Overrun = Literal["post", "cut"]


class Settle(Struct, frozen=True):
    """What a hold becomes when there is no clean reply, once the upstream got a first byte.

    Attributes:
        client_gone: the client hung up, or broke off its own request.
        upstream_failed: refused or reset without a head.
        upstream_timeout: late without a head; the upstream may go on, and be paid for it.
        error_status: a clean reply of 4xx or 5xx; void goes for one that did not end cleanly, too.
        cut: the reply broke after its head, or a stop that could not wait ended the call.
        orphan: the process that owned the hold died.
    """

    client_gone: Ending = "post"
    upstream_failed: Ending = "void"
    error_status: Ending = "void"
    cut: Ending = "post"
    orphan: Ending = "post"
    upstream_timeout: Ending = "void"


class Terms(Struct, frozen=True):
    """What a route's configuration fixed at boot.

    Attributes:
        upstream: name of the upstream that answers.
        tariff: name of the tariff; None is a free route.
        schemes: the credential schemes it accepts; empty accepts every enabled one.
        replay: whether a nonce is required, checked when present, or not looked at.
        settle: what unclean endings cost.
        max_request_bytes: the longest body.
        reply_seconds: how long the upstream may take to begin its reply; None leaves it to
            the upstream's own setting.
        max_hold: the most that the client's own estimate may raise a hold to, in micro-units of the
            tariff's currency; None heeds no estimate.
        on_overrun: whether a reply that costs more than was held is posted in full, or ends where
            its cost reaches the hold.
    """

    upstream: str
    tariff: str | None = None
    schemes: frozenset[str] = frozenset()
    replay: ReplayRule = "when_present"
    settle: Settle = Settle()
    max_request_bytes: int = 10 * 2**20
    reply_seconds: float | None = None
    max_hold: int | None = None
    on_overrun: Overrun = "post"


class Route(Struct, frozen=True):
    """One request's way through the house.

    Attributes:
        id: the configured route's name; the only one of these fit for a metric's label.
        action: what is asked, such as ``POST`` or ``tools/call``.
        resource: what it is asked of, such as a path or a tool's name.
        target: path and query as the upstream gets them, byte for byte.
        terms: what the route's configuration says.
    """

    id: str
    action: str
    resource: str
    target: str
    terms: Terms
