"""Where the store is, and the rule that a lost setting must not make each replica its own."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from pydantic import SecretStr

from caracal_core.errors import Misconfigured
from caracal_core.plugin import Config, setting

CLUSTER_KEY = "KUBERNETES_SERVICE_HOST"
"""Kubernetes sets it in every container."""


class StorageConfig(Config):
    """The store: PostgreSQL where `host` is given, else the embedded SQLite in `data_dir`."""

    host: str = setting(
        "", env="DB_HOST", description="PostgreSQL's host; empty is the embedded SQLite."
    )
    port: int = setting(5432, env="DB_PORT", description="PostgreSQL's port.", ge=1, le=65535)
    name: str = setting("caracal", env="DB_NAME", description="Name of the database.", min_length=1)
    user: str = setting(
        "caracal", env="DB_USER", description="The role to connect as.", min_length=1
    )
    password: SecretStr = setting(
        SecretStr(""), env="DB_PASSWORD", description="The role's password."
    )
    pool_size: int = setting(
        10, env="DB_POOL_SIZE", description="Connections that stay open.", ge=1, le=1000
    )
    max_overflow: int = setting(
        5,
        env="DB_MAX_OVERFLOW",
        description="Connections beyond the pool while there is a rush.",
        ge=0,
        le=1000,
    )
    pool_timeout: float = setting(
        30.0,
        env="DB_POOL_TIMEOUT",
        description="Seconds to wait for a connection, and for one statement.",
        gt=0,
        le=600,
        allow_inf_nan=False,
    )
    data_dir: Path = setting(
        Path("./caracal-data"),
        env="CARACAL_DATA_DIR",
        description="Directory of the embedded SQLite; made where it is missing.",
    )
    hash_key_file: Path | None = setting(
        None,
        env="CARACAL_HASH_KEY_FILE",
        description="File with the keys of hashes, such as those of API keys: one a line, the "
        "first makes hashes and all verify them. Unset, the embedded store makes hash.key in "
        "data_dir; beside PostgreSQL it must be given where a plugin needs it.",
    )
    signing_key_file: Path | None = setting(
        None,
        env="CARACAL_SIGNING_KEY_FILE",
        description="PEM file with the Ed25519 private key that signs checkpoints of the ledger. "
        "Unset, the embedded store makes signing.key in data_dir; beside PostgreSQL nothing is "
        "signed then.",
    )

    @property
    def embedded(self) -> bool:
        """Whether the store is the embedded SQLite."""
        return not self.host


def require_host(given: Collection[str]) -> None:
    """Refuse the embedded SQLite where something says that PostgreSQL was meant.

    A ConfigMap that lost DB_HOST would else give each replica budgets of its own.

    Args:
        given: names of the keys, as in the ConfigMap, that any source gives a value that is
            not empty; of the environment, KUBERNETES_SERVICE_HOST too.

    Raises:
        Misconfigured: DB_HOST is not among them, but another DB_* key or
            KUBERNETES_SERVICE_HOST is.
    """
    if "DB_HOST" in given:
        return
    signs = sorted(key for key in given if key.startswith("DB_") or key == CLUSTER_KEY)
    if signs:
        raise Misconfigured(
            "DB_HOST",
            f"it is empty or absent while {', '.join(signs)} is set",
            "Set DB_HOST to PostgreSQL's host, or unset the others to use the embedded SQLite.",
        )
