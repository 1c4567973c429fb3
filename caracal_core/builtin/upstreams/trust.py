"""Which authorities an upstream's certificate may come from."""

from __future__ import annotations

import ssl
from pathlib import Path

from caracal_core.errors import Misconfigured
from caracal_core.own_thread import in_own_thread

CA_BYTES_MAX = 2**20
"""The longest file with authorities; all of the system's have a quarter of it."""


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
        self._content: str | None = None
        self._read_once = False

    async def read(self) -> bool:
        return await in_own_thread(self._read, self._ca_file)

    def _read(self) -> bool:
        try:
            content = pem_in(self._ca_file) if self._ca_file else None
            if self._read_once and content == self._content:
                return False
            self.context = believing(content)
        except ValueError as error:
            raise Misconfigured(
                self._where,
                f"no certificate can be read from it ({error})",
                "Name a readable file with PEM certificates.",
            ) from error
        self._content, self._read_once = content, True
        return True


def pem_in(ca_file: Path) -> str:
    """Return what stands in a file of authorities.

    Raises:
        ValueError: it cannot be read, or has more than `CA_BYTES_MAX`.
    """
    try:
        with ca_file.open("rb") as file:
            content = file.read(CA_BYTES_MAX + 1)
    except OSError as error:
        raise ValueError(error.strerror or type(error).__name__) from error
    if len(content) > CA_BYTES_MAX:
        raise ValueError(f"it has more than {CA_BYTES_MAX:,} bytes")
    return content.decode("ascii", "ignore")  # remarks between certificates may be in any script


def believing(pem: str | None) -> ssl.SSLContext:
    """Return what verifies a server's certificate and name by these authorities alone.

    Args:
        pem: the authorities' certificates; None takes the system's.

    Raises:
        ValueError: there is no certificate in it.
    """
    if pem is not None and not pem.strip():
        raise ValueError("no PEM")  # ssl would take the system's
    try:
        context = ssl.create_default_context(cadata=pem)
    except ssl.SSLError as error:
        raise ValueError("no PEM") from error
    context.set_alpn_protocols(["http/1.1"])
    return context
