"""A served house from the ground up: store, foundation, first generation, reloads, ports."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial

import msgspec

from caracal_core.assembly import discovery
from caracal_core.assembly.foundation import lay_foundation
from caracal_core.assembly.house import House
from caracal_core.assembly.logs import lost_records
from caracal_core.assembly.masking import Masking
from caracal_core.assembly.metrics import MetricsBook
from caracal_core.assembly.readiness import Readiness
from caracal_core.assembly.secrets import MountedSecrets
from caracal_core.assembly.services import SystemClock
from caracal_core.assembly.standing import Standing
from caracal_core.assembly.unopened import no_authorities
from caracal_core.builtin.upstreams.plugin import UpstreamsConfig, UpstreamsPlugin
from caracal_core.cli.db import plugin_migrations
from caracal_core.cli.examination import examine
from caracal_core.cli.hangup import heard
from caracal_core.cli.reloading import Reloading
from caracal_core.config.load import Loaded
from caracal_core.config.reload import Undecided, Watcher
from caracal_core.config.sources import Sources
from caracal_core.edge.descriptors import AGENTS_MAX, Shares, raise_limit, share
from caracal_core.edge.front_door import BackDoor, FrontDoor
from caracal_core.edge.limits import Limits
from caracal_core.edge.operations import LIMITS, Operations
from caracal_core.edge.server import Announce, Stopping, announce, serve
from caracal_core.edge.tls import certificates
from caracal_core.errors import Failure
from caracal_core.plugin import Authorities
from caracal_core.ports import Database
from caracal_core.storage.database import open_database
from caracal_core.storage.hash_keys import HashKeyFile
from caracal_core.storage.health import StoreHealth
from caracal_core.storage.history import behind
from caracal_core.storage.signing_key import SigningKeyFile

FILES = 64
"""Open files beside connections: what listens, logs, the store's own, and mounted ones."""

WATCH_END_SECONDS = 5.0
"""How long following the configuration may take to end; a reload may be under way."""

ASK_SECONDS = 10.0
"""How long the store may take to say which tables it has, at the start and before a reload."""

_log = logging.getLogger("caracal.server")

Prepare = Callable[[Database], Awaitable[None]]


async def serve_house(
    places: Sources,
    loaded: Loaded,
    masking: Masking,
    prepare: Prepare | None = None,
    announce: Announce = announce,
) -> None:
    """Open everything, serve until a signal, close everything.

    Args:
        places: where the configuration came from, for live reload.
        loaded: the configuration.
        masking: takes secrets out of logs.
        prepare: done to the open store before anybody is served.
        announce: called once both ports listen.

    Raises:
        Misconfigured: something cannot be opened as the configuration says.
        Failure: the store cannot be used.
    """
    await examine(loaded, masking)  # what is opened one by one below is told at once here
    core, shares = loaded.core, _shares(loaded)
    async with _store(loaded) as database:
        await _say_if_behind(database, loaded)
        if prepare is not None:
            await prepare(database)
        book = MetricsBook()
        tls = certificates(core.tls, core.listen, book.labelled("caracal_tls"))
        house = _house(loaded, database, book, masking, tls.authorities if tls else no_authorities)
        _publish(book, house)
        await house.open(loaded)
        standing = Standing(loaded)
        readiness = await _readiness(database, house)
        pending = partial(_pending, database, house)
        await serve(
            FrontDoor(house, readiness, Limits(connections=shares.agents)),
            Operations(
                BackDoor(house, readiness, book, standing),
                core.operations.token_file,
                msgspec.structs.replace(LIMITS, connections=shares.operators),
            ),
            core.listen,
            core.operations.listen,
            tls,
            Stopping(core.drain_delay, core.grace_timeout),
            announce,
            _watching(places, loaded, Reloading(house, book, standing, pending)),
        )


def _house(
    loaded: Loaded,
    database: Database,
    book: MetricsBook,
    masking: Masking,
    authorities: Authorities,
) -> House:
    """Return a house on the open store, with nobody in it yet."""
    config, secrets = loaded.core.database, MountedSecrets(masking)
    hash_keys, signing_keys = HashKeyFile(config, secrets), SigningKeyFile(config, secrets)
    return House(
        lay_foundation(database, book, secrets, hash_keys, signing_keys, authorities, masking.mask)
    )


async def _readiness(database: Database, house: House) -> Readiness:
    """Return what says whether the house can serve; it has looked once."""
    store = StoreHealth(database, lambda: house.migrations)
    readiness = Readiness(lambda: [store, *house.checks], SystemClock())
    await readiness.findings()  # else the first probe is told 503: nobody asked before it
    return readiness


def _publish(book: MetricsBook, house: House) -> None:
    """Publish what is the process's own to measure."""
    book.labelled("caracal").gauge(
        "exchanges_in_flight", "Exchanges in the corridor.", lambda: house.inside
    )
    book.labelled("caracal_log").gauge(
        "lost_records",
        "Log records that could not be written to standard error since the start.",
        lost_records,
    )


def _shares(loaded: Loaded) -> Shares:
    """Divide the open files that this process may have among its connections.

    Raises:
        Misconfigured: there are too few.
    """
    upstreams, store = loaded.sections[UpstreamsPlugin.name], loaded.core.database
    assert isinstance(upstreams, UpstreamsConfig), "the schema made it"  # noqa: S101 - by construction
    pools = sum(each.max_connections for each in upstreams.upstreams.values())
    limit = raise_limit()
    shares = share(limit, pools, FILES + store.pool_size + store.max_overflow)
    if shares.agents < AGENTS_MAX:
        _log.warning(
            "%d open files are allowed: no more than %d connections of agents are kept at once",
            limit,
            shares.agents,
        )
    return shares


async def _pending(database: Database, house: House, loaded: Loaded) -> Sequence[str]:
    """Return what a reload would miss in the store.

    A store that cannot be asked is readiness' to tell, as long as no tables come to it.

    Raises:
        Undecided: there are new tables, and the store cannot be asked for them.
    """
    plugins = plugin_migrations(loaded)
    try:
        async with asyncio.timeout(ASK_SECONDS):
            return await behind(database, plugins)
    except (Failure, TimeoutError) as error:
        new = [each.app for each in plugins if each not in house.migrations]
        if not new:
            return ()
        said = error.internal if isinstance(error, Failure) else f"no answer in {ASK_SECONDS:g} s"
        raise Undecided(
            "database",
            f"it cannot be asked whether it has the tables of {', '.join(new)}: {said}",
            "Repair it; the change is tried again until it answers.",
        ) from error


@asynccontextmanager
async def _store(loaded: Loaded) -> AsyncIterator[Database]:
    """Open the store; the embedded one is migrated first, PostgreSQL never is from here."""
    config, plugins = loaded.core.database, plugin_migrations(loaded)
    async with open_database(config, exclusive=True) as database:
        if config.embedded and await behind(database, plugins):
            from caracal_core.storage.migrate import up  # noqa: PLC0415 - 20 MB of memory

            await up(config, plugins)
        yield database


async def _say_if_behind(database: Database, loaded: Loaded) -> None:
    """Say first what everything else would fail of.

    A store that cannot be asked is readiness' to tell.
    """
    try:
        async with asyncio.timeout(ASK_SECONDS):
            missing = await behind(database, plugin_migrations(loaded))
    except (Failure, TimeoutError):
        return
    if missing:
        _log.warning(
            "the schema lacks %s: nobody is served before `caracal db migrate up`",
            ", ".join(missing),
        )


@asynccontextmanager
async def _watching(places: Sources, loaded: Loaded, reloading: Reloading) -> AsyncIterator[None]:
    """Follow the configuration while the block runs: every second, and at once at a SIGHUP.

    A reload that is under way at its end is given up.
    """
    watcher = Watcher(places, discovery, loaded.digest, reloading.change, reloading.refuse)
    watching = asyncio.create_task(watcher.run(), name="configuration")
    try:
        with heard(watcher.look_now):
            yield
    finally:
        watching.cancel()
        await asyncio.wait([watching], timeout=WATCH_END_SECONDS)
