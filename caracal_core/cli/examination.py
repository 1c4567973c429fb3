"""Everything that would stop the start, short of the network and the store, told at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeVar

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
from caracal_core.own_thread import in_own_thread
from caracal_core.reading import READ_SECONDS, Reading, Unread
from caracal_core.storage.data_dir import check_usable
from caracal_core.storage.hash_keys import HashKeyFile
from caracal_core.storage.signing_key import SigningKeyFile

T = TypeVar("T")


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
    tls, of_tls = None, Problems()
    if files:
        with of_tls.collected():
            tls = await _read("tls", lambda: _certificates(loaded))
    foundation = unopened_foundation(loaded, masking, tls.authorities if tls else no_authorities)
    furnishings = furnish_enabled(loaded, foundation, problems)
    if len(furnishings) == len(loaded.enabled):
        with problems.collected():
            compose(loaded, furnishings, foundation)
    if files:
        with problems.collected():
            await read_files(furnishings)
        with problems.collected():
            of_tls.refuse()
        await _read_cores_own(loaded, masking, problems)
    problems.refuse()
    return furnishings


def _certificates(loaded: Loaded) -> Certificates | None:
    core = loaded.core
    if not speaks_tls(core.tls, core.listen):
        return None
    return Certificates(core.tls, MetricsBook().labelled("caracal_tls"))


async def _read_cores_own(loaded: Loaded, masking: Masking, problems: Problems) -> None:
    """Read the files of core's own keys, and try the data directory."""
    store, token_file = loaded.core.database, loaded.core.operations.token_file
    if token_file is not None:
        with problems.collected():
            await _read("operations.token_file", partial(read_token, token_file))
    if store.hash_key_file is not None:
        keys = HashKeyFile(store, MountedSecrets(masking), makes=False)
        with problems.collected():
            await _read("database.hash_key_file", keys.read)
    signing_keys = SigningKeyFile(store, MountedSecrets(masking), makes=False)
    with problems.collected():
        await _read("database.signing_key_file", signing_keys.read)
    if store.embedded:
        with problems.collected():
            await _read("database.data_dir", partial(check_usable, store.data_dir))


async def _read(where: str, read: Callable[[], T]) -> T:
    """Read in a thread of its own: a pipe that nobody writes to, or a dead mount, hangs alone.

    Raises:
        Misconfigured: it says so, or hangs.
    """
    reading = Reading(partial(in_own_thread, read))
    try:
        return await reading.read(READ_SECONDS)
    except Unread as error:
        await reading.give_up()
        raise Misconfigured(
            where, f"reading it {error}", "Repair its mount, or name a regular file."
        ) from error
