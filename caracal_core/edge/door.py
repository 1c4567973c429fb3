"""What the edge asks of the house behind it."""

from __future__ import annotations

from typing import Protocol

from caracal_core.domain import Request
from caracal_core.edge.limits import Limits
from caracal_core.errors import Answered
from caracal_core.ports import Deliver


class Door(Protocol):
    """The way from the edge into the corridor."""

    @property
    def limits(self) -> Limits:
        """The bounds on one client; a connection keeps those it began with."""

    @property
    def ready(self) -> bool:
        """Whether requests can be served: what ``/health`` answers."""

    @property
    def accepting(self) -> bool:
        """False while the gateway drains: each answer then ends its connection."""

    async def exchange(self, request: Request, deliver: Deliver) -> None:
        """Lead one request through the corridor; it is answered by ``deliver``.

        Raises:
            Answered: a refusal or a failure, worded by the edge where no head is out yet.
            CancelledError: the client hung up, or the house was closed.
        """

    def refused(self, id: str, peer: str, error: Answered) -> None:
        """Take note of what was refused before it became a request. Must not wait.

        Args:
            id: our name for it, which the client was told as ``X-Request-ID``.
            peer: the address of the other end.
            error: why.
        """
