"""Plugins' lifespans: opened in order, closed in reverse, each in a task of its own."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

from caracal_core.assembly.furnishing import Furnishing
from caracal_core.assembly.reading import read_files
from caracal_core.errors import Misconfigured

OPEN_SECONDS = 30.0
CLOSE_SECONDS = 10.0

_log = logging.getLogger("caracal.lifecycle")


class Life:
    """One plugin's lifespan.

    It is entered and left by one and the same task, as some context managers demand.
    """

    def __init__(self, furnishing: Furnishing) -> None:
        self.furnishing = furnishing
        self._opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._leave = asyncio.Event()
        self._opened.add_done_callback(_retrieve)
        self._task = asyncio.create_task(self._live(), name=f"lifespan {furnishing.name}")

    async def opened(self) -> None:
        """Wait until the plugin is open.

        Raises:
            Misconfigured: it could not be opened, or not within 30 seconds.
        """
        await asyncio.wait([self._opened], timeout=OPEN_SECONDS)
        if not self._opened.done():
            raise self._refusal(f"opening took longer than {OPEN_SECONDS:g} s")
        self._opened.result()

    async def close(self) -> None:
        """Leave the lifespan; what takes longer than 10 seconds is cancelled and logged.

        One that is not open yet is cancelled at once: it does not hear that it is to leave.
        """
        self._leave.set()
        if not self._opened.done():
            self._task.cancel()
        _, late = await asyncio.wait([self._task], timeout=CLOSE_SECONDS)
        if late:
            _log.error("plugin %s: closing took too long", self.furnishing.name)
            self._task.cancel()
            await asyncio.wait([self._task], timeout=1)

    async def _live(self) -> None:
        """Live the lifespan; whatever it raises ends here, so that nothing else ends with it."""
        try:
            async with self.furnishing.lifespan():
                self._opened.set_result(None)
                await self._leave.wait()
        except BaseException as error:  # noqa: BLE001 - SystemExit would end the whole process
            self._tell(error)

    def _tell(self, error: BaseException) -> None:
        """Tell the opener what went wrong, or the log once the plugin was open."""
        if self._opened.done():
            _log.error("plugin %s: closing raised %s", self.furnishing.name, type(error).__name__)
        elif isinstance(error, Misconfigured):
            self._opened.set_exception(error)
        else:
            self._opened.set_exception(
                self._refusal(f"opening raised {type(error).__name__}: {error}")
            )

    def _refusal(self, what: str) -> Misconfigured:
        return Misconfigured(f"plugin {self.furnishing.name}", what, "Repair or disable it.")


async def open_lives(furnishings: Sequence[Furnishing]) -> tuple[Life, ...]:
    """Read their files and open these plugins in order; if one cannot be, close those that were.

    Raises:
        Misconfigured: naming every file that cannot be used, or the plugin that could not be
            opened.
    """
    await read_files(furnishings)
    lives: list[Life] = []
    try:
        for furnishing in furnishings:
            lives.append(Life(furnishing))
            await lives[-1].opened()
    except BaseException:
        await close_lives(lives)
        raise
    return tuple(lives)


async def close_lives(lives: Sequence[Life]) -> None:
    """Close in reverse order."""
    for life in reversed(lives):
        await life.close()


def _retrieve(opened: asyncio.Future[None]) -> None:
    """Look at an error that nobody waits for any more, so that asyncio does not complain."""
    opened.exception()
