"""The meter of the price book as a part of the house."""

from __future__ import annotations

from collections.abc import Sequence

from caracal_core.builtin.meters.meter import BookMeter
from caracal_core.plugin import Config, Plugin, Services, hookimpl
from caracal_core.ports import Meter


class MetersPlugin(Plugin[Config]):
    """Reads what replies did cost by the price book."""

    at_root = True
    name = "meters"

    @hookimpl
    def meters(self, services: Services) -> Sequence[Meter]:
        return [BookMeter(services.clock)]
