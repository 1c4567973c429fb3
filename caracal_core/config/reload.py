"""Watches the mounted files and tells when the configuration has changed.

Kubernetes swaps a mounted ConfigMap by moving a link, which watching a file misses; so what
the files say is read and compared once a second. The environment never changes.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from time import monotonic

from caracal_core.config.enabled import PluginSource
from caracal_core.config.load import Loaded, load
from caracal_core.config.sources import Snapshot, Sources
from caracal_core.errors import Misconfigured
from caracal_core.own_thread import in_own_thread
from caracal_core.reading import READ_SECONDS, Reading, Unread

AGAIN_SECONDS = 5.0
"""How long after a change that could not be judged it is tried again."""

OnChange = Callable[[Loaded], Awaitable[None]]
OnError = Callable[[Misconfigured], None]

_log = logging.getLogger("caracal.reload")


class Undecided(Misconfigured):
    """Whether the change can be used cannot be said now; nothing changed, and it is tried again."""


class Watcher:
    """Looks at the sources, and reports what they say once they say it twice in a row.

    Args:
        sources: where to look.
        plugins: where plugins come from.
        digest: of the configuration that is in effect.
        on_change: takes a configuration that holds and differs from the one in effect, or that
            ends a time of broken ones. It may raise `Misconfigured` where it cannot be used,
            and `Undecided` to be given the same again after `AGAIN_SECONDS`.
        on_error: takes what is wrong, once for each state of the sources that is.
        interval: seconds between two looks.
    """

    def __init__(
        self,
        sources: Sources,
        plugins: PluginSource,
        digest: str,
        on_change: OnChange,
        on_error: OnError,
        *,
        interval: float = 1.0,
    ) -> None:
        self._plugins = plugins
        self._on_change, self._on_error = on_change, on_error
        self._interval = interval
        self._reading = Reading(self._read)
        self._sources = sources
        self._effective = digest
        self._last = ""
        self._judged = ""
        self._undecided = ""
        self._again_at = 0.0
        self._broken = False
        self._asked = asyncio.Event()

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            asked = self._asked.is_set()
            self._asked.clear()
            await self.look(asked=asked)
            with suppress(TimeoutError):
                async with asyncio.timeout(self._interval):
                    await self._asked.wait()

    def look_now(self) -> None:
        """Have `run` look at once, as somebody asks who knows that the sources stand still."""
        self._asked.set()

    async def look(self, *, asked: bool = False) -> None:
        """Look once.

        A state of the sources is judged when it is seen the second time in a row, so that a
        half-written one is passed over, and only once.

        Args:
            asked: judge what is there now, and also what was judged before: a file that the
                configuration names may have been mended. Say so where nothing changed.
        """
        seen = await self._seen()
        state = seen.digest if isinstance(seen, Snapshot) else str(seen)
        settled, self._last = asked or state == self._last, state
        if settled and (asked or state != self._judged or self._is_to_be_tried(state)):
            self._judged = state
            await self._judge(seen, asked=asked)

    def _is_to_be_tried(self, state: str) -> bool:
        return state == self._undecided and monotonic() >= self._again_at

    async def _read(self) -> Snapshot:
        return await in_own_thread(self._sources.read)

    async def _seen(self) -> Snapshot | Misconfigured:
        try:
            return await self._reading.read(READ_SECONDS)
        except Misconfigured as error:
            return error
        except Unread as error:
            return Misconfigured(
                "configuration",
                f"reading its sources {error}",
                "Repair their mount; the running configuration stays.",
            )

    async def _judge(self, seen: Snapshot | Misconfigured, *, asked: bool) -> None:
        if isinstance(seen, Misconfigured):
            self._refuse(seen)
            return
        try:
            loaded = await in_own_thread(partial(load, seen, self._plugins))
            if loaded.digest != self._effective or self._broken:
                await self._on_change(loaded)
            elif asked:
                _log.info("nothing changed, the configuration %s stays in effect", loaded.digest)
            self._effective, self._broken, self._undecided = loaded.digest, False, ""
        except Undecided as error:
            if asked or self._undecided != self._judged:
                self._refuse(error)
            self._undecided, self._again_at = self._judged, monotonic() + AGAIN_SECONDS
        except Misconfigured as error:
            self._refuse(error)
        except BaseException as error:
            task = asyncio.current_task()
            if isinstance(error, asyncio.CancelledError) and (task is None or task.cancelling()):
                raise  # else a part cancelled itself, and the watch goes on as after all else
            _log.error("reload failed", exc_info=error)
            self._refuse(_unexpected(error))

    def _refuse(self, error: Misconfigured) -> None:
        self._broken, self._undecided = True, ""
        self._on_error(error)


def _unexpected(error: BaseException) -> Misconfigured:
    return Misconfigured(
        "configuration",
        f"taking it into effect raised {type(error).__name__}",
        "The running configuration stays; see the log.",
    )
