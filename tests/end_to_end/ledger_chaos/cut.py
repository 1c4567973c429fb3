"""A plain TCP proxy in front of a port, whose connections can be cut."""

import asyncio
from contextlib import suppress

PIECE_BYTES = 65_536


class Cable:
    """Passes bytes both ways between its own port and another one of this machine.

    Args:
        port: where it leads.

    Attributes:
        port: its own port, once it was entered.
    """

    def __init__(self, port):
        self._target = port
        self._server = None
        self._writers = set()
        self.port = None

    async def __aenter__(self):
        self._server = await asyncio.start_server(self._pass, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_):
        self._server.close()
        self.cut()

    def cut(self):
        """Reset all connections, whatever is on its way; new ones may be made at once."""
        for writer in list(self._writers):
            writer.transport.abort()

    async def _pass(self, reader, writer):
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            writer.transport.abort()
            return
        ends = {writer, far_writer}
        self._writers |= ends
        try:
            await asyncio.gather(_copy(reader, far_writer), _copy(far_reader, writer))
        finally:
            self._writers -= ends


async def _copy(reader, writer):
    with suppress(OSError):
        while data := await reader.read(PIECE_BYTES):
            writer.write(data)
            await writer.drain()
    with suppress(OSError):
        writer.close()
