"""Which authorities an upstream's certificate may come from."""

from __future__ import annotations

import ssl
from pathlib import Path

from caracal_core.errors import Misconfigured
from caracal_core.own_thread import in_own_thread


class Trust:
    """Verifies an upstream's certificate and name; a `FileReader`.

    Args:
        upstream: the upstream's name.
        ca_file: PEM of the only authorities that are believed; None: the system's.

    Attributes:
        context: what connections are made with, once it was read.
    """

    context: ssl.SSLContext

    def __init__(self, upstream: str, ca_file: Path | None) -> None:
        self._where = f"upstreams.{upstream}.ca_file"
        self._ca_file = ca_file
        self._content: bytes | None = None

    async def read(self) -> bool:
        return await in_own_thread(self._read, self._ca_file)

    def _read(self) -> bool:
        try:
            content = self._ca_file.read_bytes() if self._ca_file else b""
            if content == self._content:
                return False
            context = ssl.create_default_context(cafile=self._ca_file)
        except OSError as error:
            raise Misconfigured(
                self._where,
                f"no certificate can be read from it ({error.strerror or 'no PEM'})",
                "Name a readable file with PEM certificates.",
            ) from error
        context.set_alpn_protocols(["http/1.1"])
        self.context, self._content = context, content
        return True
