"""A plugin that the operator chose, found and imported."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Protocol

from msgspec import Struct

from caracal_core.config.core import Selection
from caracal_core.plugin import Plugin


class Enabled(Struct, frozen=True):
    """One enabled plugin.

    Attributes:
        name: name of its entry point, which is also its section's in ``caracal.yaml``.
        plugin_class: the class, not yet constructed.
        distribution: the package that it came with.
        version: that package's version.
        trial: whether its authenticators are on trial: they have no say, and its other parts
            are not used.
    """

    name: str
    plugin_class: type[Plugin[Any]]
    distribution: str
    version: str
    trial: bool = False


class PluginSource(Protocol):
    """Where plugins come from; `caracal_core.assembly.discovery` is one."""

    def installed(self) -> Collection[str]:
        """Return the names of all installed plugins; none of them is imported."""

    def discover(self, selection: Selection) -> tuple[Enabled, ...]:
        """Import the chosen plugins, and core's own behind them.

        Raises:
            Misconfigured: one cannot be had.
        """

    def how_to_install(self, name: str) -> str | None:
        """Return the sentence that says how to install a plugin of this project's own."""
