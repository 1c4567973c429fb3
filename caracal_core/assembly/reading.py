"""The files that the configuration names, read before anything is opened; all faults at once."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from caracal_core.assembly.furnishing import Furnishing
from caracal_core.config.problems import Problems
from caracal_core.errors import Misconfigured
from caracal_core.ports import FileReader

READ_SECONDS = 10.0


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
    """Read one, whatever goes wrong in the plugin's code."""
    try:
        async with asyncio.timeout(READ_SECONDS):
            await reader.read()
    except Misconfigured:
        raise
    except TimeoutError:
        raise _broken(name, f"takes longer than {READ_SECONDS:g} s") from None
    except (Exception, SystemExit) as error:
        raise _broken(name, f"raised {type(error).__name__}") from error


def _broken(name: str, what: str) -> Misconfigured:
    return Misconfigured(
        f"plugin {name}", f"reading its files {what}", "Repair its mount, or disable the plugin."
    )
