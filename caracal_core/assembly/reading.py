"""The files that the configuration names, read before anything is opened; all faults at once."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from caracal_core.assembly.furnishing import Furnishing
from caracal_core.config.problems import Problems
from caracal_core.errors import Misconfigured
from caracal_core.ports import FileReader
from caracal_core.reading import READ_SECONDS, Reading, Unread

AT_ONCE = 32
"""How many files are read at the same time, those that hang not counted."""

TURN_SECONDS = 0.25
"""While so many end none within this time, they hang, and others begin beside them."""


async def read_files(furnishings: Sequence[Furnishing]) -> None:
    """Read every file of these plugins, side by side: many that hang cost no more than one.

    Raises:
        Misconfigured: one cannot be used; `SeveralMisconfigured` where more than one cannot.
    """
    readers = [(each.name, reader) for each in furnishings for reader in each.files]
    tasks: list[asyncio.Task[Misconfigured | None]] = []
    busy: set[asyncio.Task[Misconfigured | None]] = set()
    async with asyncio.TaskGroup() as group:
        for name, reader in readers:
            if len(busy) >= AT_ONCE:
                busy = await _not_hanging(busy)
            tasks.append(group.create_task(_fault(name, reader)))
            busy.add(tasks[-1])
    problems = Problems()
    for task in tasks:
        with problems.collected():
            if fault := task.result():
                raise fault
    problems.refuse()


async def _not_hanging(
    busy: set[asyncio.Task[Misconfigured | None]],
) -> set[asyncio.Task[Misconfigured | None]]:
    """Wait until one of these ends; return those that have to be waited for before others begin."""
    done, left = await asyncio.wait(busy, timeout=TURN_SECONDS, return_when=asyncio.FIRST_COMPLETED)
    return left if done else set()


async def _fault(name: str, reader: FileReader) -> Misconfigured | None:
    """Read one, and return what is wrong, whatever goes wrong in the plugin's code.

    One that hangs is left to itself.
    """
    reading = Reading(reader.read)
    try:
        await reading.read(READ_SECONDS)
    except Misconfigured as problem:
        return problem
    except Unread as error:
        await reading.give_up()
        return Misconfigured(
            f"plugin {name}",
            f"reading its files {error}",
            "Repair its mount, or disable the plugin.",
        )
    return None
