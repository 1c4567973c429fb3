"""What the configuration furnishes, for commands that look at a house and never open it."""

from __future__ import annotations

from collections.abc import Sequence

from caracal_core.assembly.foundation import lay_foundation
from caracal_core.assembly.generation import Foundation, furnish_enabled
from caracal_core.assembly.masking import Masking
from caracal_core.assembly.metrics import MetricsBook
from caracal_core.assembly.secrets import MountedSecrets
from caracal_core.assembly.unopened import UnopenedDatabase, no_authorities
from caracal_core.config.load import Loaded
from caracal_core.config.problems import Problems
from caracal_core.plugin import Authorities
from caracal_core.ports import Authenticator
from caracal_core.storage.hash_keys import HashKeyFile
from caracal_core.storage.signing_key import SigningKeyFile


def unopened_foundation(
    loaded: Loaded, masking: Masking, authorities: Authorities = no_authorities
) -> Foundation:
    """Return a foundation on a store that nobody opened.

    Args:
        loaded: the configuration.
        masking: takes secrets out of logs.
        authorities: those whom the agents' port would believe about clients.
    """
    secrets = MountedSecrets(masking)
    return lay_foundation(
        UnopenedDatabase(loaded.core.database),
        MetricsBook(),
        secrets,
        HashKeyFile(loaded.core.database, secrets, makes=False),
        SigningKeyFile(loaded.core.database, secrets, makes=False),
        authorities,
        masking.mask,
    )


def authenticators_of(loaded: Loaded) -> Sequence[Authenticator]:
    """Return the authenticators of the enabled plugins, whatever else may be missing.

    Raises:
        Misconfigured: a plugin cannot be furnished.
    """
    problems = Problems()
    furnishings = furnish_enabled(loaded, unopened_foundation(loaded, Masking()), problems)
    problems.refuse()
    return [part for furnishing in furnishings for part in furnishing.authenticators]
