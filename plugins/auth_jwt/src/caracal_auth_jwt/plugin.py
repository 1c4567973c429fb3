"""What this package brings into the house: one authenticator, and the keys it follows."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import click

from caracal_auth_jwt.authenticator import JwtAuthenticator
from caracal_auth_jwt.commands import token_commands
from caracal_auth_jwt.config import JwtConfig
from caracal_auth_jwt.issuers import issuers_of
from caracal_auth_jwt.key_file import KeyFile
from caracal_auth_jwt.key_source import KeySource
from caracal_auth_jwt.keys_check import KeysCheck
from caracal_auth_jwt.token_cache import TokenCache
from caracal_core.plugin import Plugin, Services, hookimpl
from caracal_core.ports import Authenticator, Counter, FileReader, HealthCheck, Metrics


class JwtPlugin(Plugin[JwtConfig]):
    """Bearer tokens signed by trusted issuers."""

    Config = JwtConfig

    def __init__(self, config: JwtConfig) -> None:
        super().__init__(config)
        self._issuers = issuers_of(config)
        self._sources = [issuer.keys for issuer in self._issuers]

    @hookimpl
    def files(self, services: Services) -> Sequence[FileReader]:
        return [source for source in self._sources if isinstance(source, KeyFile)]

    @hookimpl
    @asynccontextmanager
    async def lifespan(self, services: Services) -> AsyncIterator[None]:
        """Read the keys, and follow them while the gateway serves.

        Raises:
            Misconfigured: a file holds no usable key.
        """
        following: list[asyncio.Task[None]] = []
        try:
            await _open(self._sources, services)
            _warn(self.config, services.log)
            _publish(self._sources, services.metrics)
            following += [asyncio.create_task(source.follow()) for source in self._sources]
            yield
        finally:
            for task in following:
                task.cancel()
            for ending in (*following, *(source.close() for source in self._sources)):
                await asyncio.wait([asyncio.ensure_future(ending)])

    @hookimpl
    def authenticators(self, services: Services) -> Sequence[Authenticator]:
        cache = TokenCache(
            self.config.cache,
            _looks(services.metrics, "hit"),
            _looks(services.metrics, "miss"),
        )
        return [JwtAuthenticator(self._issuers, self.config.max_token_bytes, cache, services.clock)]

    @hookimpl
    def health(self, services: Services) -> Sequence[HealthCheck]:
        return [KeysCheck(self._sources)]

    @hookimpl
    def commands(self, cli: click.Group) -> None:
        cli.add_command(token_commands(self.config))


async def _open(sources: Sequence[KeySource], services: Services) -> None:
    """Look for all keys at once, and wait for all of it even if one is missing."""
    ends = await asyncio.gather(*(each.open(services) for each in sources), return_exceptions=True)
    for error in filter(None, ends):
        raise error


def _publish(sources: Sequence[KeySource], metrics: Metrics) -> None:
    metrics.gauge(
        "key_file_broken",
        "1 while some issuer's keys cannot be read and the last good ones are in force.",
        lambda: float(any(source.broken for source in sources)),
    )


def _looks(metrics: Metrics, result: str) -> Counter:
    return metrics.counter("token_cache", "Looks into the cache of verified tokens.", result=result)


def _warn(config: JwtConfig, log: logging.Logger) -> None:
    """Tell the operator which tokens pass that perhaps should not."""
    if config.issuers:
        if config.issuers[0].issuer is None:
            log.warning("auth_jwt.issuers[0].issuer is not set: `iss` of tokens is not checked")
        return
    if config.issuer is None:
        log.warning("auth_jwt.issuer (JWT_ISSUER) is not set: `iss` of tokens is not checked")
    if config.audience is None:
        log.warning(
            "auth_jwt.audience (JWT_AUDIENCE) is not set: tokens that the issuer made for other "
            "services, ID tokens among them, are accepted"
        )
