"""The way from the edge into a house: what `Door` promises, kept by `House`."""

from __future__ import annotations

from caracal_core.assembly.house import House
from caracal_core.assembly.readiness import Readiness
from caracal_core.edge.limits import Limits


class FrontDoor:
    """Implements `Door`.

    Args:
        house: what is behind it.
        readiness: says whether the house can serve.
        limits: the bounds on one client.
    """

    def __init__(self, house: House, readiness: Readiness, limits: Limits) -> None:
        self._house = house
        self._readiness = readiness
        self.limits = limits
        self.exchange = house.exchange
        self.refused = house.refused

    @property
    def accepting(self) -> bool:
        return self._house.accepting

    @property
    def ready(self) -> bool:
        return self._house.accepting and self._readiness.ready
