"""What the configuration says of an upstream."""

from __future__ import annotations

import re
from collections.abc import Mapping
from ipaddress import IPv6Address
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from msgspec import Struct
from pydantic import (
    AfterValidator,
    Discriminator,
    Field,
    SecretStr,
    StringConstraints,
    Tag,
    model_validator,
)

from caracal_core.builtin.upstreams.dialling import objection
from caracal_core.domain.field_names import TOKEN, canonical, is_gateways_own
from caracal_core.plugin import Config, setting
from caracal_core.ports import SecretSource

_HOST = re.compile(r"(?=.{1,253}\.?\Z)[A-Za-z0-9_-]{1,63}(?:\.[A-Za-z0-9_-]{1,63})*\.?", re.ASCII)
_BASE = re.compile(r"(?:/[A-Za-z0-9._~!$&'()*+,;=:@%-]+)*/?", re.ASCII)
_PORTS = {"http": 80, "https": 443}


class Origin(Struct, frozen=True):
    """Where an upstream listens.

    Attributes:
        tls: whether it is spoken to over TLS.
        host: a host name, or an address without brackets.
        port: the TCP port.
        authority: what it is called in ``Host`` (RFC 9110 section 7.2).
        base: the path before every target, without a slash at its end.
    """

    tls: bool
    host: str
    port: int
    authority: str
    base: str

    @classmethod
    def parse(cls, url: str) -> Origin:
        """Read a URL.

        Raises:
            ValueError: it is none that an upstream can be reached by.
        """
        if not re.fullmatch(r"[!-~]+", url):
            raise ValueError("a URL is visible ASCII without spaces")
        parts = urlsplit(url)
        if parts.scheme not in _PORTS:
            raise ValueError("a URL begins with http:// or https://")
        if "@" in parts.netloc:
            raise ValueError("a URL holds no credentials; give them under headers")
        if parts.query or parts.fragment or url.endswith(("?", "#")):
            raise ValueError("a URL ends with its path")
        host, port = parts.hostname or "", parts.port
        if not (_is_ipv6(host) if ":" in host else _HOST.fullmatch(host)):
            raise ValueError("its host is no host name or address")
        if port == 0:
            raise ValueError("no port has the number 0")
        if not _BASE.fullmatch(parts.path) or {".", ".."} & set(parts.path.split("/")):
            raise ValueError("its path holds a character or segment that none may hold as it is")
        named = f"[{host}]" if ":" in host else host
        return cls(
            tls=parts.scheme == "https",
            host=host,
            port=port or _PORTS[parts.scheme],
            authority=named if port in (None, _PORTS[parts.scheme]) else f"{named}:{port}",
            base=parts.path.rstrip("/"),
        )


def _is_ipv6(host: str) -> bool:
    """Whether it is an IPv6 address, without a scope."""
    try:
        return IPv6Address(host).scope_id is None
    except ValueError:
        return False


class SecretHeader(Config):
    """A header's value that stands elsewhere."""

    secret_file: str | None = setting(None, description="File that holds the whole value.")
    secret_env: str | None = setting(
        None, description="Environment variable that holds the whole value."
    )

    @model_validator(mode="after")
    def _is_one_place(self) -> SecretHeader:
        if bool(self.secret_file) == bool(self.secret_env):
            raise ValueError("give either secret_file or secret_env")
        return self

    @property
    def source(self) -> SecretSource:
        """The place to read it from."""
        return SecretSource(file=self.secret_file, env=self.secret_env)


def _kind(value: object) -> str:
    return "text" if isinstance(value, str | SecretStr) else "secret"


def _url(url: str) -> str:
    Origin.parse(url)
    return url


def _header_name(name: str) -> str:
    if not TOKEN.fullmatch(name):
        raise ValueError(f"{name!r} is no name of a header")
    if is_gateways_own(name):
        raise ValueError(f"{name} is written by the gateway itself")
    return name


def _distinct(headers: Mapping[str, object]) -> Mapping[str, object]:
    seen: set[str] = set()
    for name in headers:
        if canonical(name) in seen:
            raise ValueError(f"{name} is given twice")
        seen.add(canonical(name))
    return headers


HeaderName = Annotated[str, StringConstraints(max_length=64), AfterValidator(_header_name)]
HeaderValue = Annotated[
    Annotated[SecretStr, Tag("text")] | Annotated[SecretHeader, Tag("secret")],
    Discriminator(_kind),
]


class UpstreamConfig(Config):
    """One upstream."""

    url: Annotated[str, StringConstraints(max_length=2048), AfterValidator(_url)] = setting(
        description="Where it listens: scheme, host, port, and a path that stands before every "
        "target."
    )
    headers: Annotated[
        Mapping[HeaderName, HeaderValue], Field(max_length=64), AfterValidator(_distinct)
    ] = setting({}, description="Its own headers, its credential among them.")
    connect_timeout: float = setting(
        5.0, description="Seconds for dialling, TLS included.", gt=0, le=300
    )
    reply_timeout: float | None = setting(
        None,
        description="Seconds for the reply to begin; absent is the root's request_timeout.",
        gt=0,
        le=86_400,
    )
    upload_timeout: float = setting(
        300.0,
        description="Seconds that a request's body may take; past it the client gets 408.",
        gt=0,
        le=86_400,
    )
    allow_private: bool = setting(
        False,
        description="Whether its address may be a loopback, private or other non-public one.",
    )
    trust_actual_cost: bool = setting(
        False,
        description="Whether its X-Caracal-Actual-Cost is what a call did cost, in the tariff's "
        "currency; it is dropped otherwise.",
    )
    ca_file: Path | None = setting(
        None, description="PEM file of the only authorities its certificate may come from."
    )
    max_connections: int = setting(512, description="Most connections at a time.", ge=1, le=65_536)
    idle_timeout: float = setting(
        15.0, description="Seconds an unused connection is kept.", gt=0, le=3600
    )

    @model_validator(mode="after")
    def _may_be_dialled(self) -> UpstreamConfig:
        """Judge an address that stands in the URL now; a name's are judged as it is dialled."""
        try:
            reason = objection(Origin.parse(self.url).host, allow_private=self.allow_private)
        except ValueError:  # it is a name
            return self
        if reason:
            raise ValueError(f"url would never be dialled: {reason}")
        return self
