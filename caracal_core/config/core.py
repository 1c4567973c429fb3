"""Core's own keys at the root of ``caracal.yaml``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, WithJsonSchema

from caracal_core.config.address import ListenAddress
from caracal_core.config.tls import TlsConfig
from caracal_core.config.words import words
from caracal_core.plugin import Config, setting
from caracal_core.storage.config import StorageConfig

ACCOUNT_NAME = r"^[A-Za-z0-9._:/@|+=-]{1,128}$"
_NAMES_MAX = 64


def _without_twins(names: tuple[str, ...]) -> tuple[str, ...]:
    twins = sorted({name for name in names if names.count(name) > 1})
    if twins:
        raise ValueError(f"names {', '.join(twins)} more than once")
    if len(names) > _NAMES_MAX:
        raise ValueError(f"has more than {_NAMES_MAX} names")
    return names


_LIST_OR_STRING = WithJsonSchema(
    {"anyOf": [{"type": "array", "items": {"type": "string"}}, {"type": "string"}]}
)
Names = Annotated[
    tuple[str, ...], BeforeValidator(words), AfterValidator(_without_twins), _LIST_OR_STRING
]
"""A list of distinct names, or one string with commas between them."""


def _upper(value: object) -> object:
    return value.upper() if isinstance(value, str) else value


LogLevel = Annotated[Literal["DEBUG", "INFO", "WARNING", "ERROR"], BeforeValidator(_upper)]


class Selection(Config):
    """Which plugins are enabled; read first, because the others' keys follow from it."""

    auth_mode: Names = setting(
        ("jwt",),
        env="AUTH_MODE",
        description="How agents prove who they are: modes in the order in which they are asked.",
    )
    auth_trial: Names = setting(
        (),
        env="AUTH_TRIAL",
        description="Modes that verify what agents show beside auth_mode's, without a say in "
        "anything, so that `caracal auth plan` knows whom they would prove.",
    )
    plugins: Names = setting(
        (),
        env="PLUGINS",
        description="Plugins enabled beside those of auth_mode, in order; each NAME, "
        "NAME==VERSION or NAME==VERSION@sha256:DIGEST.",
    )


class OperationsConfig(Config):
    """The port for probes, metrics and inspection."""

    listen: ListenAddress = setting(
        "0.0.0.0:9090",
        validate_default=True,
        env="OPERATIONS_LISTEN_ADDRESS",
        description="Where health, metrics and inspection are served.",
    )
    token_file: Path | None = setting(
        None,
        env="OPERATIONS_TOKEN_FILE",
        description="File with the bearer token that opens /-/ to callers who are not local.",
    )


class CoreConfig(Selection):
    """What the house itself needs to know."""

    listen: ListenAddress = setting(
        "0.0.0.0:8443",
        validate_default=True,
        env=("LISTEN_ADDRESS", "GATEWAY_LISTEN_ADDRESS"),
        description="Where agents are served.",
    )
    operations: OperationsConfig = setting(
        OperationsConfig(), description="The port for probes, metrics and inspection."
    )
    database: StorageConfig = setting(
        StorageConfig(), description="The store: PostgreSQL or the embedded SQLite."
    )
    tls: TlsConfig = setting(
        TlsConfig(), description="Encryption of the port that agents are served on."
    )
    log_level: LogLevel = setting(
        "INFO",
        env="LOG_LEVEL",
        description="The least important records that are written. At DEBUG the trace of "
        "what a plugin's part raised is written too, and its message, which may hold a secret.",
    )
    unknown_agents: Literal["refuse", "register"] = setting(
        "refuse", description="What happens to a proven name that is not registered."
    )
    newcomers_parent: str | None = setting(
        None,
        description="The account that pays above agents admitted by unknown_agents: register.",
        pattern=ACCOUNT_NAME,
    )
    part_timeout: float = setting(
        5.0,
        description="Seconds that a plugin's part may take for one call; then the answer is 503.",
        gt=0,
        le=300,
    )
    settle_timeout: float = setting(
        10.0,
        description="Seconds that a reply's last byte waits for its charge to be durable.",
        gt=0,
        le=300,
    )
    grace_timeout: float = setting(
        30.0,
        description="Seconds that requests in flight have to finish once the gateway is to stop.",
        ge=0,
        le=3600,
    )
    drain_delay: float = setting(
        0.0,
        description="Seconds for which a gateway that is to stop serves as before and says that "
        "it is not ready, so that a load balancer learns of it.",
        ge=0,
        le=300,
    )
