"""A changed configuration is taken into effect whole, or reported and left alone."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence

from caracal_core.assembly.house import House
from caracal_core.assembly.logs import set_level
from caracal_core.assembly.metrics import MetricsBook
from caracal_core.assembly.standing import Standing
from caracal_core.config.load import Loaded
from caracal_core.errors import Misconfigured

_DIGEST_DIGITS = 12
"""Hexadecimal digits of the digest that a metric's value can hold exactly."""

_log = logging.getLogger("caracal.reload")


Pending = Callable[[Loaded], Awaitable[Sequence[str]]]
"""Tells which steps of a configuration's migrations the store lacks; `Undecided` if it cannot."""


class Reloading:
    """What a change of the mounted configuration does to a house that serves.

    Args:
        house: swaps its generations; it is open.
        book: tells which configuration is active, how often it changed, and how often it could
            not.
        standing: is told what is in effect, and what waits.
        pending: asked before each change.
    """

    def __init__(
        self, house: House, book: MetricsBook, standing: Standing, pending: Pending
    ) -> None:
        self._house, self._book = house, book
        self._standing = standing
        self._pending = pending
        metrics = book.labelled("caracal_configuration")
        self._changed = metrics.counter("reloads", "Configurations taken into effect live.")
        self._failed = metrics.counter("reload_failures", "Changes that could not be.")
        metrics.gauge(
            "digest",
            f"First {_DIGEST_DIGITS} digits of the active digest, as a number: equal where "
            "replicas run the same.",
            lambda: int(house.current.loaded.digest[:_DIGEST_DIGITS], 16),
        )
        metrics.gauge(
            "waiting",
            "Keys and plugins whose newest configuration waits for the next start.",
            lambda: len(standing.waiting),
        )

    async def change(self, loaded: Loaded) -> None:
        """Take a configuration into effect.

        Raises:
            Misconfigured: it cannot be furnished or opened, or the store lacks its tables;
                nothing changed. `Undecided` where the store cannot be asked for new tables.
        """
        if steps := await self._pending(loaded):
            raise Misconfigured(
                "database",
                f"the schema lacks {', '.join(steps)}",
                "Run `caracal db migrate up` with the new configuration, then send SIGHUP.",
            )
        with self._book.gauges_kept():
            await self._house.reload(loaded)
        set_level(loaded.core.log_level)
        self._standing.take(loaded, self._house.current.furnishings)
        if waiting := self._standing.waiting:
            _log.warning("%s: the change waits for the next start", ", ".join(waiting))
        self._changed.add()
        _log.info("the configuration %s is in effect", loaded.digest)

    def refuse(self, error: Misconfigured) -> None:
        """Report a configuration that changes nothing."""
        self._failed.add()
        _log.error("the new configuration is not used, the old one stays: %s", error)
