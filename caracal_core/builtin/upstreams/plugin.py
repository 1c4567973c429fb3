"""Upstreams from the configuration, each with connections of its own."""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Annotated

from pydantic import Field, SecretStr, StringConstraints

from caracal_core.builtin.upstreams.config import Origin, SecretHeader, UpstreamConfig
from caracal_core.builtin.upstreams.dialling import Dialler
from caracal_core.builtin.upstreams.pool import HttpPool
from caracal_core.builtin.upstreams.request_head import RequestHead
from caracal_core.builtin.upstreams.upstream import HttpUpstream
from caracal_core.errors import Misconfigured
from caracal_core.plugin import Config, Plugin, Services, hookimpl, setting
from caracal_core.ports import Secrets, Upstream

_VALUE = re.compile(r"[\x21-\x7e](?:[\t\x20-\x7e]*[\x21-\x7e])?", re.ASCII)

UpstreamName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]


class UpstreamsConfig(Config):
    """The root keys of the upstreams."""

    upstreams: Annotated[Mapping[UpstreamName, UpstreamConfig], Field(max_length=1000)] = setting(
        {}, description="The only targets there are, by the names that routes use."
    )
    request_timeout: float = setting(
        30.0,
        env="REQUEST_TIMEOUT",
        description="Seconds in which an upstream's reply has to begin.",
        gt=0,
        le=86_400,
    )


class UpstreamsPlugin(Plugin[UpstreamsConfig]):
    """HTTP upstreams from the configuration."""

    Config = UpstreamsConfig
    at_root = True
    name = "upstreams"

    def __init__(self, config: UpstreamsConfig) -> None:
        super().__init__(config)
        self._parts = {
            name: HttpUpstream(
                name, each.reply_timeout or config.request_timeout, each.upload_timeout
            )
            for name, each in config.upstreams.items()
        }

    @hookimpl
    def upstreams(self, services: Services) -> Mapping[str, Upstream]:
        return self._parts

    @hookimpl
    @asynccontextmanager
    async def lifespan(self, services: Services) -> AsyncIterator[None]:
        async with AsyncExitStack() as opened:
            for name, config in self.config.upstreams.items():
                await _open(self._parts[name], name, config, services)
                opened.push_async_callback(self._parts[name].close)
            yield


async def _open(
    upstream: HttpUpstream, name: str, config: UpstreamConfig, services: Services
) -> None:
    """Read what stands in files, and let the upstream serve."""
    origin = Origin.parse(config.url)
    tls = await asyncio.to_thread(_tls, name, config) if origin.tls else None
    dialler = Dialler(
        upstream.part,
        origin.host,
        origin.port,
        allow_private=config.allow_private,
        tls=tls,
        log=services.log,
    )
    pool = HttpPool(
        upstream.part,
        dialler.dial,
        size=config.max_connections,
        connect_seconds=config.connect_timeout,
        idle_seconds=config.idle_timeout,
    )
    own = _own_headers(name, config, services.secrets)
    upstream.open(RequestHead(origin.authority, origin.base, own), pool)


def _tls(name: str, config: UpstreamConfig) -> ssl.SSLContext:
    """Return the context that verifies the upstream's certificate and name."""
    try:
        context = ssl.create_default_context(cafile=config.ca_file)
    except OSError as error:
        raise Misconfigured(
            f"upstreams.{name}.ca_file",
            f"no certificate can be read from it ({error.strerror or 'no PEM'})",
            "Name a readable file with PEM certificates.",
        ) from error
    context.set_alpn_protocols(["http/1.1"])
    return context


def _own_headers(name: str, config: UpstreamConfig, secrets: Secrets) -> list[tuple[str, str]]:
    """Return the upstream's own headers with their secrets in."""
    return [
        (header, _value(f"upstreams.{name}.headers.{header}", given, secrets))
        for header, given in config.headers.items()
    ]


def _value(where: str, given: SecretStr | SecretHeader, secrets: Secrets) -> str:
    value = given.get_secret_value() if isinstance(given, SecretStr) else secrets.read(given.source)
    if not _VALUE.fullmatch(value):
        raise Misconfigured(
            where,
            "its value is empty or holds a character that no header may hold",
            "Write visible ASCII on one line.",
        )
    return value
