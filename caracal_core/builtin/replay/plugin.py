"""The built-in replay guard, in the database or in memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from caracal_core.builtin.replay.config import ReplayConfig, ReplayRules
from caracal_core.builtin.replay.epochs import open_epoch, sweep
from caracal_core.builtin.replay.memory import MemoryReplayGuard
from caracal_core.builtin.replay.stored import StoredReplayGuard
from caracal_core.errors import Failure
from caracal_core.plugin import Plugin, Services, hookimpl
from caracal_core.ports import ReplayGuard
from caracal_core.storage.errors import telling

SWEEP_SECONDS = 10.0


class ReplayPlugin(Plugin[ReplayConfig]):
    """Refuses a request that was accepted before.

    The stage judges timestamps by ``config.replay.timestamp_window`` (past) and
    ``config.replay.future_skew`` (ahead), and lets a nonce live for
    ``config.replay.nonce_seconds``.
    """

    Config = ReplayConfig
    name = "replay"
    at_root = True
    keeps_state = True

    @hookimpl
    def replay_guard(self, services: Services) -> ReplayGuard | None:
        rules = self.config.replay
        if not rules.enabled:
            return None
        if rules.store == "memory":
            return MemoryReplayGuard(rules, services.clock, first=False)
        return StoredReplayGuard(services.database, services.clock, rules)

    @hookimpl
    def lifespan(self, services: Services) -> AbstractAsyncContextManager[None]:
        return _tended(services, self.config.replay)


@asynccontextmanager
async def _tended(services: Services, rules: ReplayRules) -> AsyncIterator[None]:
    if not rules.enabled:
        services.log.warning("replay protection is switched off")
        yield
        return
    if rules.store == "memory":
        services.log.warning("nonces are kept in memory: serve with one process only")
        yield
        return
    tending = asyncio.create_task(_tend(services, rules), name="replay tending")
    try:
        yield
    finally:
        tending.cancel()
        await asyncio.wait([tending])


async def _tend(services: Services, rules: ReplayRules) -> None:
    """Notice new epochs and remove expired nonces, until cancelled."""
    while True:
        try:
            await open_epoch(services.database, rules)
            await sweep(services.database)
        except Failure as failure:
            said = "expired nonces cannot be removed now: %s"
            services.log.log(telling(failure), said, failure)
        except Exception as error:  # noqa: BLE001 - whatever it is, the tending goes on
            services.log.error("tending nonces raised %s", type(error).__name__)  # noqa: TRY400 - no message
        await asyncio.sleep(SWEEP_SECONDS)
