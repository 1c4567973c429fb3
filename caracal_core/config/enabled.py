"""A plugin that the operator chose, found and imported."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from caracal_core.plugin import Plugin


class Enabled(Struct, frozen=True):
    """One enabled plugin.

    Attributes:
        name: name of its entry point, which is also its section's in ``caracal.yaml``.
        plugin_class: the class, not yet constructed.
        distribution: the package that it came with.
        version: that package's version.
    """

    name: str
    plugin_class: type[Plugin[Any]]
    distribution: str
    version: str
