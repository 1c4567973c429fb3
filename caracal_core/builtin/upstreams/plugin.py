"""Upstreams from the configuration, each with connections of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Annotated

from pydantic import Field, StringConstraints

from caracal_core.builtin.upstreams.config import Origin, SecretHeader, UpstreamConfig
from caracal_core.builtin.upstreams.dialling import Dialler
from caracal_core.builtin.upstreams.own_fields import OwnField, OwnFields
from caracal_core.builtin.upstreams.pool import HttpPool
from caracal_core.builtin.upstreams.request_head import RequestHead
from caracal_core.builtin.upstreams.trust import Trust
from caracal_core.builtin.upstreams.upstream import HttpUpstream
from caracal_core.following import Follower, following
from caracal_core.plugin import Config, Plugin, Services, hookimpl, setting
from caracal_core.ports import Counter, FileReader, Metrics, Secrets, Upstream

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
                name,
                each.reply_timeout or config.request_timeout,
                each.upload_timeout,
                trust_actual_cost=each.trust_actual_cost,
            )
            for name, each in config.upstreams.items()
        }

    @hookimpl
    def upstreams(self, services: Services) -> Mapping[str, Upstream]:
        return self._parts

    @hookimpl
    def files(self, services: Services) -> Sequence[FileReader]:
        readers: list[FileReader] = []
        for name, config in self.config.upstreams.items():
            readers += [Trust(name, config.ca_file)] if config.ca_file else []
            readers += _fields(name, config, services.secrets).values()
        return readers

    @hookimpl
    @asynccontextmanager
    async def lifespan(self, services: Services) -> AsyncIterator[None]:
        """Serve, and follow the secrets that stand in files."""
        followers = []
        async with AsyncExitStack() as opened:
            for name, config in self.config.upstreams.items():
                fields = await _open(self._parts[name], name, config, services)
                opened.push_async_callback(self._parts[name].close)
                if any(_is_in_a_file(given) for given in config.headers.values()):
                    followers.append(_follower(name, fields, services))
            services.metrics.gauge(
                "credentials_broken",
                "Upstreams whose secret files cannot be used; the last good ones are in force.",
                lambda: sum(follower.broken for follower in followers),
            )
            _changes(services.metrics)  # published as 0 from the start, so that alerts can rise
            async with following(followers):
                yield


async def _open(
    upstream: HttpUpstream, name: str, config: UpstreamConfig, services: Services
) -> OwnFields:
    """Read what stands in files, and let the upstream serve; return what to follow."""
    origin = Origin.parse(config.url)
    trust = Trust(name, config.ca_file)
    if origin.tls:
        await trust.read()
    dialler = Dialler(
        upstream.part,
        origin.host,
        origin.port,
        allow_private=config.allow_private,
        tls=trust.context if origin.tls else None,
        log=services.log,
    )
    pool = HttpPool(
        upstream.part,
        dialler.dial,
        size=config.max_connections,
        connect_seconds=config.connect_timeout,
        idle_seconds=config.idle_timeout,
    )
    head = RequestHead(origin.authority, origin.base, ())
    fields = OwnFields(_fields(name, config, services.secrets), head)
    await fields.read()
    upstream.open(head, pool)
    return fields


def _fields(name: str, config: UpstreamConfig, secrets: Secrets) -> Mapping[str, OwnField]:
    return {
        header: OwnField(name, header, given, secrets) for header, given in config.headers.items()
    }


def _is_in_a_file(given: object) -> bool:
    return isinstance(given, SecretHeader) and given.secret_file is not None


def _follower(name: str, fields: OwnFields, services: Services) -> Follower:
    what = f"credential of upstream {name}"
    return Follower(what, fields, services.log, *_changes(services.metrics))


def _changes(metrics: Metrics) -> tuple[Counter, Counter]:
    """Return what counts the changes of secret files that were taken up, and the refused ones."""
    taken_up, refused = (
        metrics.counter("credential_changes", "Changes seen in secret files.", result=result)
        for result in ("taken_up", "refused")
    )
    return taken_up, refused
