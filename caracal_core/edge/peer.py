"""What only the kernel knows of the other end."""

from __future__ import annotations

import select
from asyncio import BaseTransport

_HUNG_UP = getattr(select, "POLLRDHUP", 0)
"""Linux tells of a half-closed end too; everywhere the kernel tells of closed and broken ones."""


def has_hung_up(transport: BaseTransport) -> bool:
    """Say whether the other end is gone, even while nobody reads from the connection.

    An event loop that does not read does not hear of it.
    """
    socket = transport.get_extra_info("socket")
    if socket is None or socket.fileno() < 0:
        return True
    poll = select.poll()
    poll.register(socket.fileno(), _HUNG_UP)
    return bool(poll.poll(0))
