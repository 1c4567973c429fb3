"""What every generation stands on, composed from what the process opened."""

from __future__ import annotations

from collections.abc import Callable

from caracal_core.assembly.generation import Foundation
from caracal_core.assembly.metrics import MetricsBook
from caracal_core.assembly.services import SystemClock, lender
from caracal_core.builtin.agents import StoredDirectory
from caracal_core.builtin.revocations import StoredRevocations
from caracal_core.config.core import CoreConfig
from caracal_core.plugin import Authorities
from caracal_core.ports import AgentDirectory, Database, HashKeys, Secrets, SigningKeys
from caracal_core.stages.deadline import Warden


def lay_foundation(
    database: Database,
    book: MetricsBook,
    secrets: Secrets,
    hash_keys: HashKeys,
    signing_keys: SigningKeys,
    authorities: Authorities,
    mask: Callable[[str], str],
) -> Foundation:
    """Compose the foundation of a house.

    Args:
        database: the store; it outlives every generation.
        book: the metrics, which do too.
        secrets: reads what the operator put into files and variables.
        hash_keys: reads the deployment's own keys.
        signing_keys: reads the deployment's signing key.
        authorities: those whom the agents' port believes about clients.
        mask: takes secrets out of what observers are told.
    """
    clock = SystemClock()
    metrics = book.labelled("caracal")

    def directory(core: CoreConfig) -> AgentDirectory:
        return StoredDirectory(database, clock, core.unknown_agents, core.newcomers_parent)

    lost = metrics.counter("stories_lost", "Exchanges that an observer was not told of.")
    misstated = metrics.counter(
        "costs_misstated", "Costs that a trusted upstream stated and that are no amount."
    )
    return Foundation(
        lender(clock, database, book, secrets, hash_keys, signing_keys, authorities),
        directory,
        StoredRevocations(database, clock),
        clock,
        lost,
        misstated,
        Warden(),
        mask,
    )
