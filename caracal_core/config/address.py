"""An address to listen on, written ``host:port``."""

from __future__ import annotations

from typing import Annotated, NamedTuple

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

_PORT_MAX = 65535


class Address(NamedTuple):
    """Where to listen.

    Attributes:
        host: a name or an IP address; IPv6 without its brackets.
        port: 0 lets the system choose.
    """

    host: str
    port: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


def parse_address(text: object) -> object:
    """Read ``host:port`` or ``[ipv6]:port``; an `Address` stays as it is.

    Raises:
        ValueError: it is neither.
    """
    if isinstance(text, Address):
        return text
    wording = "an address is written like 0.0.0.0:8443 or [::]:8443"
    if not isinstance(text, str):
        raise ValueError(wording)  # noqa: TRY004 - pydantic words ValueError, not TypeError
    host, _, port = text.rpartition(":")
    bracketed = host.startswith("[") and host.endswith("]")
    host = host[1:-1] if bracketed else host
    if not host or (":" in host) is not bracketed or set(host) & set("[]/ \t"):
        raise ValueError(wording)
    if not (port.isascii() and port.isdigit() and int(port) <= _PORT_MAX):
        raise ValueError(f"{wording}, its port from 0 to {_PORT_MAX}")
    return Address(host, int(port))


ListenAddress = Annotated[
    Address,
    BeforeValidator(parse_address),
    PlainSerializer(str, return_type=str),
    WithJsonSchema({"type": "string", "examples": ["0.0.0.0:8443", "[::]:8443"]}),
]
"""The type of a configuration key that holds an address to listen on."""
