"""What this package brings into the house: an authenticator, a policy, a table and commands."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import click

from caracal_auth_apikey.authenticator import ApiKeyAuthenticator
from caracal_auth_apikey.commands import keys
from caracal_auth_apikey.config import ApiKeyConfig
from caracal_auth_apikey.hash_keys import KeyRing, RingReader
from caracal_auth_apikey.lookup import Lookup
from caracal_auth_apikey.migrations import MIGRATIONS
from caracal_auth_apikey.policy import ScopePolicy
from caracal_auth_apikey.usage import Usage
from caracal_core.errors import Failure
from caracal_core.following import Follower, following
from caracal_core.plugin import Plugin, Services, hookimpl
from caracal_core.ports import Authenticator, Counter, FileReader, Metrics, Migrations, Policy

WRITE_SECONDS = 2.0
"""How often uses are written; a kill loses those of so long."""
PATIENCE_SECONDS = 5.0
"""How long one writing may take; closing waits for the last one."""


class ApiKeyPlugin(Plugin[ApiKeyConfig]):
    """API keys that `caracal keys` issues."""

    Config = ApiKeyConfig

    def __init__(self, config: ApiKeyConfig) -> None:
        super().__init__(config)
        self._ring, self._usage = KeyRing(), Usage(config.last_used)

    @hookimpl
    def files(self, services: Services) -> Sequence[FileReader]:
        return [RingReader(self._ring, services.hash_keys)]

    @hookimpl
    def authenticators(self, services: Services) -> Sequence[Authenticator]:
        config = self.config
        lookup = Lookup(
            services.database, services.clock, config.fresh_seconds, config.remembered_keys
        )
        return [ApiKeyAuthenticator(lookup, self._ring, self._usage, services.clock)]

    @hookimpl
    def policies(self, services: Services) -> Sequence[Policy]:
        return [ScopePolicy()]

    @hookimpl
    def lifespan(self, services: Services) -> AbstractAsyncContextManager[None]:
        return _tended(self._ring, self._usage, services)

    @hookimpl
    def commands(self, cli: click.Group) -> None:
        cli.add_command(keys)

    @hookimpl
    def migrations(self) -> Migrations | None:
        return MIGRATIONS


@asynccontextmanager
async def _tended(ring: KeyRing, usage: Usage, services: Services) -> AsyncIterator[None]:
    """Read the hash keys, follow their file, and write what using keys leaves behind.

    Raises:
        Misconfigured: there are no usable hash keys.
    """
    reader = RingReader(ring, services.hash_keys)
    await reader.read()
    follower = Follower("hash keys", reader, services.log, *_changes(services.metrics))
    services.metrics.gauge(
        "hash_key_file_broken",
        "1 while the file of hash keys holds none and the last good ones are in force.",
        lambda: float(follower.broken),
    )
    writing = asyncio.create_task(_keep_writing(usage, services), name="api keys' use")
    try:
        async with following([follower]):
            yield
    finally:
        writing.cancel()
        await asyncio.wait([writing])
        await _write(usage, services)


def _changes(metrics: Metrics) -> tuple[Counter, Counter]:
    """Return what counts the changes that were taken up, and the refused ones."""
    taken_up, refused = (
        metrics.counter("hash_key_changes", "Changes seen in the hash keys' file.", result=result)
        for result in ("taken_up", "refused")
    )
    return taken_up, refused


async def _keep_writing(usage: Usage, services: Services) -> None:
    """Write every `WRITE_SECONDS`, until cancelled."""
    while True:
        await asyncio.sleep(WRITE_SECONDS)
        await _write(usage, services)


async def _write(usage: Usage, services: Services) -> None:
    """Write what waits; what cannot be written now is told and waits on."""
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            await usage.write(services.database)
    except Failure as failure:
        services.log.warning("the use of API keys cannot be recorded now: %s", failure)
    except Exception as error:  # noqa: BLE001 - whatever it is, the writing goes on
        services.log.error("recording the use of API keys raised %s", type(error).__name__)  # noqa: TRY400 - no message
