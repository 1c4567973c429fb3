"""The client's end of the line, as those see it who read from it and write to it."""

from __future__ import annotations

from typing import Protocol

from caracal_core.edge.limits import Limits


class Line(Protocol):
    """One connection, while one request is served on it."""

    @property
    def limits(self) -> Limits:
        """The bounds on this client."""

    @property
    def received(self) -> bytearray:
        """The bytes that came and were not yet read; readers shorten it at its front."""

    @property
    def accepting(self) -> bool:
        """Whether further requests are welcome on this connection."""

    def relieve(self) -> None:
        """Let more bytes come, now that some were read; to be called after each reading."""

    async def receive(self, seconds: float) -> float:
        """Wait for more bytes and return the seconds that it took.

        Raises:
            RequestTimeout: none came in ``seconds``.
            CancelledError: the client hung up.
        """

    async def send(self, data: bytes) -> None:
        """Write, after the client took most of what was written before.

        Raises:
            CancelledError: the client hung up, or took nothing for too long.
        """

    def end_writing(self) -> None:
        """Tell the client that nothing more will come."""

    def abort(self) -> None:
        """Cut the connection, so that the client cannot take what it got for all."""
