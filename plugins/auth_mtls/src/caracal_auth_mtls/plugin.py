"""What this package brings into the house: one authenticator, and the lists it follows."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from caracal_auth_mtls.authenticator import MtlsAuthenticator
from caracal_auth_mtls.config import MtlsConfig
from caracal_auth_mtls.forwarding import Forwarding
from caracal_auth_mtls.names import NameRules
from caracal_auth_mtls.revocation import Revocation
from caracal_auth_mtls.trust import AskedFor, Trust
from caracal_core.domain.globs import Globs
from caracal_core.plugin import Plugin, Services, hookimpl
from caracal_core.ports import Authenticator, FileReader, HealthCheck


class MtlsPlugin(Plugin[MtlsConfig]):
    """The client certificate of the connection proves the agent."""

    Config = MtlsConfig

    def __init__(self, config: MtlsConfig) -> None:
        super().__init__(config)
        self._revocation: Revocation | None = None

    @hookimpl
    def files(self, services: Services) -> Sequence[FileReader]:
        lists = [self._lists(services)] if self.config.crl_file else []
        return [AskedFor(services.authorities), *lists]

    @hookimpl
    @asynccontextmanager
    async def lifespan(self, services: Services) -> AsyncIterator[None]:
        """Read the revocation lists, and follow their files while the gateway serves.

        Raises:
            Misconfigured: nobody could ever prove anything by a certificate.
        """
        await AskedFor(services.authorities).read()
        _warn(self.config, services.log)
        if not self.config.crl_file:
            yield
            return
        revocation = self._lists(services)
        await revocation.read()
        services.metrics.gauge(
            "crl_expires_seconds",
            "When the first of the revocation lists expires, in unix seconds.",
            lambda: revocation.next_update,
        )
        following = asyncio.create_task(revocation.follow(services.log, services.metrics))
        try:
            yield
        finally:
            following.cancel()
            await asyncio.wait([following])

    @hookimpl
    def authenticators(self, services: Services) -> Sequence[Authenticator]:
        config, trust = self.config, Trust(services.authorities)
        return [
            MtlsAuthenticator(
                NameRules(config.patterns, Globs(config.agents)),
                trust,
                self._lists(services),
                Forwarding(trust),
                config.trusted_proxies,
                services.clock,
                strict=config.strict,
            )
        ]

    @hookimpl
    def health(self, services: Services) -> Sequence[HealthCheck]:
        return [self._lists(services)] if self.config.crl_file else []

    def _lists(self, services: Services) -> Revocation:
        """Return the lists; the hooks share them, in whatever order they are called."""
        if self._revocation is None:
            trust = Trust(services.authorities)
            self._revocation = Revocation(self.config.crl_file, trust, services.clock)
        return self._revocation


def _warn(config: MtlsConfig, log: logging.Logger) -> None:
    """Tell the operator what is believed that perhaps should not be."""
    if not config.strict:
        log.warning(
            "auth_mtls.strict is false: certificates of X.509 version 1, certificates that were "
            "issued for any purpose, and names in the common name are accepted"
        )
    if not config.crl_file:
        log.warning(
            "auth_mtls.crl_file (MTLS_CRL_FILE) is not set: certificates that their authority "
            "revoked are accepted until they expire"
        )
