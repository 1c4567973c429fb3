"""The two ways into a house: the agents' and the operators'."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from caracal_core.assembly.furnishing import Furnishing
from caracal_core.assembly.house import House
from caracal_core.assembly.inventory import Item, take_inventory
from caracal_core.assembly.metrics import MetricsBook
from caracal_core.assembly.readiness import Finding, Readiness
from caracal_core.assembly.standing import Standing
from caracal_core.config.load import Loaded
from caracal_core.edge.limits import Limits
from caracal_core.ports import Endpoint


class FrontDoor:
    """Where agents come in; implements `Door`.

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
        self.dismiss = house.dismiss
        self.close = house.close

    @property
    def accepting(self) -> bool:
        return self._house.accepting

    @accepting.setter
    def accepting(self, accepting: bool) -> None:
        self._house.accepting = accepting

    @property
    def inside(self) -> int:
        return self._house.inside

    @property
    def ready(self) -> bool:
        return self._house.accepting and self._readiness.ready


class BackDoor:
    """Where operators look in; implements `Backstage`.

    Args:
        house: what they look at.
        readiness: says whether the house can serve.
        book: the metrics.
        standing: which values are in effect.
    """

    def __init__(
        self, house: House, readiness: Readiness, book: MetricsBook, standing: Standing
    ) -> None:
        self._standing = standing
        self._house = house
        self._readiness = readiness
        self._listed: tuple[Loaded, Sequence[Item]] | None = None
        self.metrics = book.expose

    @property
    def accepting(self) -> bool:
        return self._house.accepting

    async def findings(self) -> Sequence[Finding]:
        return await self._readiness.findings()

    def plugins(self) -> object:
        loaded = self._house.current.loaded
        if self._listed is None or self._listed[0] is not loaded:
            self._listed = loaded, take_inventory(loaded.enabled)  # hashes files: once is enough
        return self._listed[1]

    def configuration(self) -> object:
        loaded = self._house.current.loaded
        return {
            "digest": loaded.digest,
            "settings": self._standing.settings(),
            "notes": loaded.notes,
            "waiting": self._standing.waiting,
        }

    def endpoints(self) -> Mapping[str, Endpoint]:
        found = sorted(self._house.current.serving, key=lambda furnishing: furnishing.builtin)
        return {  # of two with one name, core's own is the last and stays
            _place(furnishing, endpoint): endpoint
            for furnishing in found
            for endpoint in furnishing.endpoints
        }


def _place(furnishing: Furnishing, endpoint: Endpoint) -> str:
    """Return where a page stands: a plugin's below its name, core's own beside those."""
    if furnishing.builtin:
        return endpoint.path
    return f"{furnishing.name}/{endpoint.path}".rstrip("/")
