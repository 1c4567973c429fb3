"""What this package brings into the house: one authenticator, and the key it follows."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from caracal_auth_jwt.authenticator import JwtAuthenticator
from caracal_auth_jwt.claims import ClaimRules
from caracal_auth_jwt.config import JwtConfig
from caracal_auth_jwt.header import HeaderRules
from caracal_auth_jwt.key_file import KeyFile
from caracal_core.plugin import Plugin, Services, hookimpl
from caracal_core.ports import Authenticator, FileReader


class JwtPlugin(Plugin[JwtConfig]):
    """Bearer tokens signed by a trusted issuer."""

    Config = JwtConfig

    def __init__(self, config: JwtConfig) -> None:
        super().__init__(config)
        self._keys = KeyFile(config.public_key_path, config.algorithm)

    @hookimpl
    def files(self, services: Services) -> Sequence[FileReader]:
        return [self._keys]

    @hookimpl
    @asynccontextmanager
    async def lifespan(self, services: Services) -> AsyncIterator[None]:
        """Read the key, and follow its file while the gateway serves.

        Raises:
            Misconfigured: there is no usable key.
        """
        await self._keys.read()
        _warn(self.config, services.log)
        services.metrics.gauge(
            "key_file_broken",
            "1 while the key file holds no usable key and the last good one is in force.",
            lambda: float(self._keys.broken),
        )
        following = asyncio.create_task(self._keys.follow(services.log, services.metrics))
        try:
            yield
        finally:
            following.cancel()
            await asyncio.wait([following])

    @hookimpl
    def authenticators(self, services: Services) -> Sequence[Authenticator]:
        config = self.config
        header_rules = HeaderRules(config.algorithm, frozenset(config.types), config.accept_untyped)
        claim_rules = ClaimRules(
            issuer=config.issuer,
            audience=config.audience,
            agent_claim=config.agent_claim,
            leeway_seconds=config.leeway_seconds,
            max_lifetime_seconds=config.max_lifetime_seconds,
        )
        return [
            JwtAuthenticator(
                self._keys, header_rules, claim_rules, config.max_token_bytes, services.clock
            )
        ]


def _warn(config: JwtConfig, log: logging.Logger) -> None:
    """Tell the operator which tokens pass that perhaps should not."""
    if config.issuer is None:
        log.warning("auth_jwt.issuer (JWT_ISSUER) is not set: `iss` of tokens is not checked")
    if config.audience is None:
        log.warning(
            "auth_jwt.audience (JWT_AUDIENCE) is not set: tokens that the issuer made for other "
            "services, ID tokens among them, are accepted"
        )
