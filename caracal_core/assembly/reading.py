"""The files that the configuration names, read before anything is opened; all faults at once."""

from __future__ import annotations

from collections.abc import Sequence

from caracal_core.assembly.furnishing import Furnishing
from caracal_core.config.problems import Problems
from caracal_core.errors import Misconfigured
from caracal_core.ports import FileReader
from caracal_core.reading import READ_SECONDS, Reading, Unread


async def read_files(furnishings: Sequence[Furnishing]) -> None:
    """Read every file of these plugins.

    Raises:
        Misconfigured: one cannot be used; `SeveralMisconfigured` where more than one cannot.
    """
    problems = Problems()
    for furnishing in furnishings:
        for reader in furnishing.files:
            with problems.collected():
                await _read(furnishing.name, reader)
    problems.refuse()


async def _read(name: str, reader: FileReader) -> None:
    """Read one, whatever goes wrong in the plugin's code; one that hangs is left to itself."""
    reading = Reading(reader.read)
    try:
        await reading.read(READ_SECONDS)
    except Unread as error:
        await reading.give_up()
        raise Misconfigured(
            f"plugin {name}",
            f"reading its files {error}",
            "Repair its mount, or disable the plugin.",
        ) from error
