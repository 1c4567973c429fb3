"""Everything that would stop the start, short of the network and the store, told at once."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from caracal_core.assembly.furnishing import Furnishing
from caracal_core.assembly.generation import compose, furnish_enabled
from caracal_core.assembly.masking import Masking
from caracal_core.assembly.metrics import MetricsBook
from caracal_core.assembly.reading import read_files
from caracal_core.assembly.secrets import MountedSecrets
from caracal_core.assembly.unopened import no_authorities
from caracal_core.cli.furnished import unopened_foundation
from caracal_core.config.load import Loaded
from caracal_core.config.problems import Problems
from caracal_core.edge.admission import read_token
from caracal_core.edge.tls import Certificates, speaks_tls
from caracal_core.errors import Misconfigured
from caracal_core.plugin import Authorities
from caracal_core.storage.data_dir import check_usable
from caracal_core.storage.hash_keys import HashKeyFile


async def examine(loaded: Loaded, masking: Masking, *, files: bool = True) -> Sequence[Furnishing]:
    """Furnish and wire a house that nobody will open, and read what it would read.

    Args:
        loaded: the configuration.
        masking: takes secrets out of logs.
        files: whether to read the files that the configuration names.

    Returns:
        What the enabled plugins brought.

    Raises:
        Misconfigured: the gateway would not start; `SeveralMisconfigured` where there is more
            than one reason.
    """
    problems = Problems()
    authorities = _authorities_in(loaded) if files else no_authorities
    foundation = unopened_foundation(loaded, masking, authorities)
    furnishings = furnish_enabled(loaded, foundation, problems)
    if len(furnishings) == len(loaded.enabled):
        with problems.collected():
            compose(loaded, furnishings, foundation)
    if files:
        with problems.collected():
            await read_files(furnishings)
        hash_keys = HashKeyFile(loaded.core.database, MountedSecrets(masking), makes=False)
        _read_cores_own(loaded, hash_keys, problems)
    problems.refuse()
    return furnishings


def _authorities_in(loaded: Loaded) -> Authorities:
    """Return what reads those that the port would believe; broken files are told by themselves."""

    def authorities() -> tuple[bytes, ...]:
        with suppress(Misconfigured):
            if found := _certificates(loaded):
                return found.authorities()
        return ()

    return authorities


def _certificates(loaded: Loaded) -> Certificates | None:
    core = loaded.core
    if not speaks_tls(core.tls, core.listen):
        return None
    return Certificates(core.tls, MetricsBook().labelled("caracal_tls"))


def _read_cores_own(loaded: Loaded, hash_keys: HashKeyFile, problems: Problems) -> None:
    """Read the files of core's own keys, and try the data directory."""
    core = loaded.core
    with problems.collected():
        _certificates(loaded)
    with problems.collected():
        if core.operations.token_file is not None:
            read_token(core.operations.token_file)
    with problems.collected():
        if core.database.hash_key_file is not None:
            hash_keys.read()
    with problems.collected():
        if core.database.embedded:
            check_usable(core.database.data_dir)
