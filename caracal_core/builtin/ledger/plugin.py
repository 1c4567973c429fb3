"""The built-in ledger, furnished."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from uuid import uuid4

from msgspec import Struct

from caracal_core.builtin.ledger.config import ChargeRules, ChargesConfig
from caracal_core.builtin.ledger.desk import LedgerDesk
from caracal_core.builtin.ledger.housekeeping import PERIOD_SECONDS, Housekeeping
from caracal_core.builtin.ledger.sealing.notary import Notary
from caracal_core.builtin.ledger.spend import spend
from caracal_core.builtin.ledger.store import BookStore, Store
from caracal_core.builtin.ledger.tally import Tally
from caracal_core.builtin.ledger.upkeep import Upkeep
from caracal_core.builtin.repeated import repeated
from caracal_core.plugin import Plugin, Services, hookimpl
from caracal_core.ports import Endpoint, HealthCheck, Ledger

DRAIN_SECONDS = 8.0
"""Leaving a lifespan has 10 seconds."""
RENEWALS = 6
"""How many chances a hold gets to be renewed before it expires."""


class Office(Struct, frozen=True):
    """What one process keeps the books with."""

    store: Store
    tally: Tally
    desk: LedgerDesk
    housekeeping: Housekeeping


class ChargesPlugin(Plugin[ChargesConfig]):
    """Budgets in calendar windows, exact holds, and a journal of how they ended."""

    Config = ChargesConfig
    name = "charges"
    at_root = True
    keeps_state = True

    def __init__(self, config: ChargesConfig) -> None:
        super().__init__(config)
        self._made: Office | None = None

    @hookimpl
    def ledger(self, services: Services) -> Ledger | None:
        return self._office(services).desk

    @hookimpl
    def health(self, services: Services) -> Sequence[HealthCheck]:
        return [self._office(services).desk]

    @hookimpl
    def endpoints(self, services: Services) -> Sequence[Endpoint]:
        return [Endpoint("spend", partial(spend, services.database))]

    @hookimpl
    def lifespan(self, services: Services) -> AbstractAsyncContextManager[None]:
        return _open(self._office(services), self.config.charges, services)

    def _office(self, services: Services) -> Office:
        """Return the one office behind all hooks, made for whichever is called first."""
        if self._made is None:
            rules = self.config.charges
            # Named per process start: a pod that comes back under its old name owns nothing.
            owner = uuid4().hex
            store = BookStore(services.database, owner, rules.expiration, rules.longest_seconds)
            tally = Tally(services.metrics, services.log)
            desk = LedgerDesk(store, tally)
            services.metrics.gauge("open", "Holds that have not ended.", lambda: desk.open)
            services.metrics.gauge("in_hand", "Works not yet written.", lambda: desk.in_hand)
            housekeeping = Housekeeping(services.database, services.metrics, services.log)
            self._made = Office(store, tally, desk, housekeeping)
        return self._made


@asynccontextmanager
async def _open(office: Office, rules: ChargeRules, services: Services) -> AsyncIterator[None]:
    period = rules.expiration / RENEWALS
    upkeep = Upkeep(office.store, office.tally, period, rules.cleanup_batch_size, services.clock)
    renewing = repeated("renewal", upkeep.renew, period, services.log)
    reaping = repeated("reaper", upkeep.reap, rules.cleanup_interval, services.log)
    keeping = repeated("housekeeping", office.housekeeping.keep, PERIOD_SECONDS, services.log)
    async with renewing, reaping, keeping, _sealing(rules, services):
        try:
            yield
        finally:
            given_up = await office.desk.drain(DRAIN_SECONDS)
            if given_up:
                services.log.error("%d works given up; holds stay until they expire", given_up)


@asynccontextmanager
async def _sealing(rules: ChargeRules, services: Services) -> AsyncIterator[None]:
    """Seal and sign while the house is open."""
    signer = await asyncio.to_thread(services.signing_keys.read)
    if signer is None:
        services.log.warning(
            "no checkpoints of the ledger are signed: CARACAL_SIGNING_KEY_FILE is not set"
        )
    notary = Notary(services.database, rules.seal_batch_size, signer, rules.checkpoint_interval)
    async with repeated("sealer", notary.work, rules.seal_interval, services.log):
        yield
