"""The keys of ``tls:`` in the configuration."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator

from caracal_core.plugin import Config, setting


def _word(value: object) -> object:
    """Read YAML's own ``on`` and ``off``, which are booleans there, as the words they were."""
    if isinstance(value, bool):
        return "on" if value else "off"
    return value.lower() if isinstance(value, str) else value


class TlsConfig(Config):
    """Encryption of the port that agents are served on."""

    mode: Annotated[Literal["on", "off"], BeforeValidator(_word)] = setting(
        "on",
        env="TLS_MODE",
        description="off serves plain HTTP; on serves it only on a loopback address, and only "
        "where there are no certificate files.",
    )
    cert_file: Path = setting(
        Path("/etc/caracal/tls/server.crt"),
        env="TLS_CERT_FILE",
        description="The server's certificate and what leads up to its root, PEM.",
    )
    key_file: Path = setting(
        Path("/etc/caracal/tls/server.key"),
        env="TLS_KEY_FILE",
        description="The certificate's private key, PEM, not encrypted.",
    )
    ca_file: Path = setting(
        Path("/etc/caracal/tls/ca.crt"),
        env="TLS_CA_FILE",
        description="Authorities whose client certificates are believed, PEM; where there is "
        "no such file, no client is asked for a certificate.",
    )
    watch_seconds: float = setting(
        5.0,
        description="How often the files are looked at for a rotation.",
        ge=0.05,
        le=3600,
    )
