"""Routes from the configuration."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from caracal_core.builtin.routes.reading import climbs
from caracal_core.builtin.routes.table import Entry, TableRouter
from caracal_core.builtin.tariffs.amounts import Amount
from caracal_core.domain import Ending, Money, Overrun, ReplayRule, Settle, Terms
from caracal_core.plugin import Config, Plugin, Services, hookimpl, setting
from caracal_core.ports import Router

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
RESERVED = "/health"
NO_CURRENCY = "XXX"
"""ISO 4217's code for no currency: an amount that is in whatever the tariff's is."""

_BYTES_PER_MB = 2**20
_SEGMENTS = re.compile(r"(?:/[A-Za-z0-9._~!$&'()*+,;=:@-]+)*/?", re.ASCII)


def _plain_path(path: str) -> str:
    """Accept a path that every reader reads alike."""
    if not path.startswith("/"):
        raise ValueError("a path begins with a slash")
    if "%" in path:
        raise ValueError("a path holds no encoded characters, since requests may hold none either")
    if "//" in path:
        raise ValueError("a path holds no empty segment; write one slash")
    if not _SEGMENTS.fullmatch(path):
        raise ValueError(f"{path!r} holds a character that no path may hold as it is")
    if climbs(path):
        raise ValueError("a path holds no dot segment; write the path it stands for")
    if path.rstrip("/") == RESERVED:
        raise ValueError(f"{RESERVED} is the gateway's own; choose another path")
    return path


def _known_method(method: str) -> str:
    if method not in METHODS:
        raise ValueError(f"{method} is none of {', '.join(METHODS)}, which are case-sensitive")
    return method


Path = Annotated[str, StringConstraints(max_length=1024), AfterValidator(_plain_path)]
Method = Annotated[str, AfterValidator(_known_method)]
Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
Megabytes = Annotated[float, Field(gt=0, le=1_048_576)]


class SettleConfig(Config):
    """What a hold becomes when there is no clean reply."""

    client_gone: Ending = setting("post", description="The client hung up after it was sent.")
    upstream_failed: Ending = setting(
        "void", description="The upstream refused, or reset without a head."
    )
    upstream_timeout: Ending | None = setting(
        None,
        description="It timed out without a head, and may be at work still, which its provider may "
        "charge for; absent is as upstream_failed.",
    )
    error_status: Ending = setting(
        "void",
        description="The reply's status is 4xx or 5xx; void goes before client_gone and cut.",
    )
    cut: Ending = setting(
        "post", description="The reply broke after its head, or a hurried stop ended it."
    )
    orphan: Ending = setting("post", description="The process that owned the hold died.")

    @property
    def rules(self) -> Settle:
        """What this says, each way with its rule."""
        late = self.upstream_timeout or self.upstream_failed
        return Settle(**self.model_dump() | {"upstream_timeout": late})


class RouteConfig(Config):
    """One route."""

    id: Name = setting(description="Name of the route, for policies, metrics and the audit.")
    path: Path = setting(
        description="Prefix of whole segments, case-sensitive; the longest that fits wins."
    )
    strip_prefix: bool = setting(
        False, description="Whether the upstream gets the path without the prefix."
    )
    methods: tuple[Method, ...] = setting(
        METHODS, description="Accepted methods; another is answered 405.", min_length=1
    )
    upstream: str = setting(description="Name of the upstream that answers.")
    replay: ReplayRule = setting(
        "when_present", description="Whether a nonce is required, checked if sent, or ignored."
    )
    tariff: str | None = setting(None, description="Name of the tariff; absent is free.")
    schemes: tuple[str, ...] = setting(
        (), description="Credential schemes it accepts; none named is all.", max_length=16
    )
    settle: SettleConfig = setting(
        SettleConfig(), description="What a hold becomes when there is no clean reply."
    )
    max_request_size_mb: Megabytes | None = setting(
        None, description="Longest body in MiB; absent is the root's max_request_size_mb."
    )
    reply_timeout: float | None = setting(
        None,
        description="Seconds for the reply to begin; absent is the upstream's reply_timeout.",
        gt=0,
        le=86_400,
    )

    max_hold: Amount | None = setting(
        None,
        description="The most that a client's X-Caracal-Estimated-Cost may raise a hold to, in the "
        "tariff's currency; absent heeds no estimate.",
    )
    on_overrun: Overrun = setting(
        "post",
        description="Whether a reply that costs more than was held is posted in full, or cut where "
        "its cost reaches the hold.",
    )

    @model_validator(mode="after")
    def _is_priced(self) -> RouteConfig:
        if self.tariff is None and (self.max_hold is not None or self.on_overrun == "cut"):
            raise ValueError(
                f"route {self.id} is free, so that nothing is held; give it a tariff, or leave out "
                "max_hold and on_overrun"
            )
        return self

    @property
    def max_hold_micro(self) -> int | None:
        """The same in micro-units."""
        return None if self.max_hold is None else Money.parse(self.max_hold, NO_CURRENCY).micro

    @property
    def prefix(self) -> str:
        """The path without a slash at its end, with which it means the same."""
        return self.path.rstrip("/")


def _distinct(routes: tuple[RouteConfig, ...]) -> tuple[RouteConfig, ...]:
    ids: set[str] = set()
    paths: dict[str, str] = {}
    for route in routes:
        if route.id in ids:
            raise ValueError(f"two routes have the id {route.id}; rename one of them")
        if route.prefix in paths:
            raise ValueError(
                f"routes {paths[route.prefix]} and {route.id} have the same path {route.path}; "
                "join their methods in one route"
            )
        ids.add(route.id)
        paths[route.prefix] = route.id
    return routes


class RoutesConfig(Config):
    """The root keys of the routes."""

    routes: Annotated[
        tuple[RouteConfig, ...], Field(max_length=10_000), AfterValidator(_distinct)
    ] = setting((), description="Where requests go, by path.")
    max_request_size_mb: Megabytes = setting(
        10.0,
        env="MAX_REQUEST_SIZE_MB",
        description="Longest request body in MiB, counted while it streams; 413 past it.",
    )


class RoutesPlugin(Plugin[RoutesConfig]):
    """Routes from the configuration."""

    Config = RoutesConfig
    at_root = True
    name = "routes"

    @hookimpl
    def routers(self, services: Services) -> Sequence[Router]:
        default = self.config.max_request_size_mb
        return [TableRouter(_entry(route, default) for route in self.config.routes)]


def _entry(route: RouteConfig, default_mb: float) -> Entry:
    megabytes = route.max_request_size_mb or default_mb
    terms = Terms(
        upstream=route.upstream,
        tariff=route.tariff,
        schemes=frozenset(route.schemes),
        replay=route.replay,
        settle=route.settle.rules,
        max_request_bytes=int(megabytes * _BYTES_PER_MB),
        reply_seconds=route.reply_timeout,
        max_hold=route.max_hold_micro,
        on_overrun=route.on_overrun,
    )
    return Entry(route.id, route.prefix, route.strip_prefix, route.methods, terms)
