"""Where an issuer's keys come from, as everybody else sees it."""

from __future__ import annotations

import logging
from typing import Protocol

from caracal_auth_jwt.key_set import KeySet
from caracal_core.ports import Clock, Http, Metrics


class Tools(Protocol):
    """What of `caracal_core.plugin.Services` a source may use."""

    @property
    def clock(self) -> Clock:
        """Tells the time."""

    @property
    def http(self) -> Http:
        """Fetches what the operator named."""

    @property
    def metrics(self) -> Metrics:
        """Makes metrics."""

    @property
    def log(self) -> logging.Logger:
        """Takes what the operator should know."""


class KeySource(Protocol):
    """Has keys, and sees to it that they are the issuer's present ones."""

    @property
    def broken(self) -> bool:
        """Whether it found no usable keys when it last looked."""

    @property
    def was_ready(self) -> bool:
        """Whether it ever had keys."""

    def current(self) -> KeySet:
        """Return the keys in force.

        Raises:
            Failure: there are none; it says why.
        """

    async def renewed(self) -> bool:
        """Look again because of a key id that is not known, if it is time to.

        Returns:
            Whether somebody looked, so that there may be other keys now.
        """

    async def open(self, tools: Tools) -> None:
        """Look for the first time.

        Raises:
            Misconfigured: there are no usable keys, and waiting would not help.
        """

    async def follow(self) -> None:
        """Look again and again, for ever."""

    async def close(self) -> None:
        """Stop looking."""
