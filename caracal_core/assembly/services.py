"""What the house lends its plugins, each labelled with the plugin's name."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from caracal_core.assembly.fetching import HttpService
from caracal_core.assembly.metrics import MetricsBook
from caracal_core.plugin import Authorities, Services
from caracal_core.ports import Clock, Database, HashKeys, Secrets, SigningKeys

EXCHANGES = "prometheus"
"""The built-in that measures exchanges: its metrics are the gateway's own, so their names
do not bear the plugin's."""


class SystemClock:
    """The machine's time; `caracal_core.ports.Clock`."""

    def now(self) -> float:
        return time.time()

    def monotonic(self) -> float:
        return time.monotonic()


def lender(
    clock: Clock,
    database: Database,
    book: MetricsBook,
    secrets: Secrets,
    hash_keys: HashKeys,
    signing_keys: SigningKeys,
    authorities: Authorities,
) -> Callable[[str], Services]:
    """Return what gives a plugin its services, by the plugin's name."""

    def lend(name: str) -> Services:
        prefix = "caracal" if name == EXCHANGES else f"caracal_{name}"
        log = logging.getLogger(f"caracal.{name}")
        metrics, http = book.labelled(prefix), HttpService(log)
        return Services(
            clock, database, http, metrics, secrets, hash_keys, signing_keys, log, authorities
        )

    return lend
